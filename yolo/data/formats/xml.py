"""Read XML with line numbers from untrusted files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from yolo.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

LINE = "line"  # attribute that holds the line number of an element


def read_xml(path: Path) -> Element:
    """Read an XML file; each element's only attribute is `line`, its line in the file.

    Raises:
        DataError: the file cannot be read, is not well-formed, or has a DOCTYPE (which could define entities that
            grow without bound).
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse_doctype(*_: object) -> None:
        line = parser.CurrentLineNumber
        raise DataError(f"{path}:{line}: a DOCTYPE is not allowed in an annotation; remove the declaration")

    def start(tag: str, _attributes: object) -> None:
        builder.start(tag, {LINE: str(parser.CurrentLineNumber)})

    def end(tag: str) -> None:
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise DataError(f"{path}:{error.lineno}: is not well-formed XML ({reason}); correct or replace it") from error
    except (ValueError, LookupError) as error:
        raise DataError(f"{path}: its encoding cannot be read ({error}); save it as UTF-8") from error
    return builder.close()
