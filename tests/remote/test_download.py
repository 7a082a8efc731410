from __future__ import annotations

import hashlib
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from tests.serving import Answer, serving
from yolo.errors import DownloadError, WeightsError
from yolo.remote.download import SecureRedirects, download

BODY = bytes(range(256)) * 4  # 1,024 bytes
SHA256 = hashlib.sha256(BODY).hexdigest()
NO_PAUSES = (0.0, 0.0)  # three attempts


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("answer", [Answer(), Answer(has_length=False), Answer(etag="")])
def test_download_leaves_only_the_complete_file(tmp_path: Path, answer: Answer) -> None:
    with serving(BODY, answer) as site:
        download(f"{site.url}/a", tmp_path / "new" / "a", num_bytes=1024, sha256=SHA256, pauses=())
    assert (tmp_path / "new" / "a").read_bytes() == BODY
    assert names(tmp_path / "new") == ["a"]


def test_a_broken_connection_is_continued(tmp_path: Path) -> None:
    with serving(BODY, Answer(sent=600), Answer(sent=200)) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=(0.0,))
    assert (tmp_path / "a").read_bytes() == BODY  # each attempt made progress: one pause is enough for three attempts
    assert site.requests == [("/a", None), ("/a", "bytes=600-"), ("/a", "bytes=800-")]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("num_bytes", [1024, None])
def test_the_next_download_continues_the_received_part(tmp_path: Path, num_bytes: int | None) -> None:
    with serving(BODY, Answer(sent=600)) as site:
        with pytest.raises(DownloadError, match=r"ended after 600 of 1,024 bytes; .*600 bytes received are kept"):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, pauses=())
        assert not (tmp_path / "a").exists()
        download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, pauses=())
    assert (tmp_path / "a").read_bytes() == BODY
    assert [asked for _, asked in site.requests] == [None, "bytes=600-"]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Answer(sent=600), Answer(supports_ranges=False)),
        (Answer(sent=600, body=b"x" * 1024), Answer(etag='"2"')),  # another file by now
        (Answer(sent=600, etag="", body=b"x" * 1024), Answer()),  # nothing tells whether the file is unchanged
        (Answer(sent=600, etag='W/"1"', body=b"x" * 1024), Answer()),  # weak: not the same byte for byte
    ],
)
def test_download_starts_again_if_the_server_cannot_continue(tmp_path: Path, first: Answer, second: Answer) -> None:
    with serving(BODY, first, second) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=NO_PAUSES)
    assert (tmp_path / "a").read_bytes() == BODY
    assert len(site.requests) == 2


def test_a_server_that_always_breaks_off_and_ignores_ranges(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(sent=600, supports_ranges=False)] * 9) as site:
        with pytest.raises(
            DownloadError, match="600 of 1,024 bytes; gave up after 3 attempts without progress; the 600 bytes"
        ):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, pauses=NO_PAUSES)
        assert len(site.requests) == 3


def test_a_complete_part_is_not_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(BODY)
    (tmp_path / ".a.part.version").write_text('"1"')
    download("http://127.0.0.1:1/a", tmp_path / "a", num_bytes=1024, sha256=SHA256)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("num_bytes", [1024, None])
def test_a_part_longer_than_the_file_is_replaced(tmp_path: Path, num_bytes: int | None) -> None:
    (tmp_path / ".a.part").write_bytes(BODY * 2)
    (tmp_path / ".a.part.version").write_text('"1"')
    with serving(BODY) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, sha256=SHA256, pauses=NO_PAUSES)
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_retried(tmp_path: Path, status: int) -> None:
    with serving(BODY, Answer(status), Answer(status)) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=NO_PAUSES)
    assert (tmp_path / "a").read_bytes() == BODY
    assert len(site.requests) == 3


def test_download_gives_up_if_the_server_stays_busy(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(503)] * 9) as site:
        with pytest.raises(
            DownloadError,
            match=r"/a: the server answers 503 Service Unavailable; gave up after 3 attempts without progress$",
        ):
            download(f"{site.url}/a", tmp_path / "a", pauses=NO_PAUSES)
        assert len(site.requests) == 3
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_permanent_status_codes_are_not_retried(tmp_path: Path, status: int) -> None:
    with serving(BODY, Answer(status)) as site:
        with pytest.raises(DownloadError, match=rf"/a: the server answers {status} "):
            download(f"{site.url}/a", tmp_path / "a", pauses=NO_PAUSES)
        assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(extra=100), "has 1,124 bytes, expected 1,024"),
        (Answer(extra=-100), "has 924 bytes, expected 1,024"),
        (Answer(body=BODY[:-4]), "has 1,020 bytes, expected 1,024"),
        (Answer(body=BODY + b"x", has_length=False), "sends more than the 1,024 bytes expected"),
        (Answer(body=b"<html>", content_type="text/html; charset=utf-8"), "a web page, not a file"),
        (Answer(body=BODY[::-1]), f"its SHA-256 is [0-9a-f]{{64}}, expected {SHA256}"),
        (Answer(body=BODY[::-1], has_length=False), f"its SHA-256 is [0-9a-f]{{64}}, expected {SHA256}"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, answer: Answer, message: str) -> None:
    with serving(BODY, answer) as site:
        with pytest.raises(DownloadError, match=message):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=NO_PAUSES)
        assert len(site.requests) == 1  # retrying would not help
        assert not (tmp_path / "a").exists()
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=NO_PAUSES)
    assert (tmp_path / "a").read_bytes() == BODY
    assert names(tmp_path) == ["a"]


def test_the_length_of_the_server_is_checked_if_none_is_known(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(extra=100)] * 9) as site, pytest.raises(DownloadError, match="1,024 of 1,124 bytes"):
        download(f"{site.url}/a", tmp_path / "a", pauses=NO_PAUSES)
    with serving(BODY, Answer(extra=-100)) as site, pytest.raises(DownloadError, match="SHA-256"):
        download(f"{site.url}/b", tmp_path / "b", sha256=SHA256, pauses=NO_PAUSES)
    assert not {"a", "b"} & set(names(tmp_path))


def test_a_wrong_range_is_refused(tmp_path: Path) -> None:
    message = "requested the bytes from 600 on, got 'bytes 608-1023/1024'"
    with serving(BODY, Answer(sent=600), Answer(range_shift=8)) as site, pytest.raises(DownloadError, match=message):
        download(f"{site.url}/a", tmp_path / "a", pauses=NO_PAUSES)


def test_a_file_that_fails_the_check_is_removed(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == BODY
        raise WeightsError("not a weights file")

    with serving(BODY) as site, pytest.raises(DownloadError, match="/a: not the right file: not a weights file"):
        download(f"{site.url}/a", tmp_path / "a", check=refuse)
    assert names(tmp_path) == []


def test_redirects_are_followed(tmp_path: Path) -> None:
    with serving(BODY, Answer(302, location="/b"), Answer(sent=600), Answer(301, location="/c")) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=NO_PAUSES)
    assert site.requests == [("/a", None), ("/b", None), ("/a", "bytes=600-"), ("/c", "bytes=600-")]
    assert (tmp_path / "a").read_bytes() == BODY


def test_redirects_from_https_to_http_are_refused() -> None:
    redirects = SecureRedirects()
    request = Request("https://example.org/a")
    followed = redirects.redirect_request(request, None, 302, "Found", Message(), "https://example.com/b")
    assert followed is not None
    assert followed.full_url == "https://example.com/b"
    with pytest.raises(HTTPError, match=r"redirects to http://example\.com/b, which is not HTTPS"):
        redirects.redirect_request(request, None, 302, "Found", Message(), "http://example.com/b")


def test_file_urls(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "a").write_bytes(BODY)
    download((tmp_path / "mirror" / "a").as_uri(), tmp_path / "a", num_bytes=1024, sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == BODY
    with pytest.raises(DownloadError, match=r"mirror/b: cannot be reached: .*No such file"):
        download((tmp_path / "mirror" / "b").as_uri(), tmp_path / "b")


def test_a_server_that_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:1/a: cannot be reached: .*refused"):
        download("http://127.0.0.1:1/a", tmp_path / "a")


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with serving(BODY) as site, pytest.raises(DownloadError, match="taken/a: cannot be written: "):
        download(f"{site.url}/a", tmp_path / "taken" / "a")
