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
AT_ONCE = (0.0, 0.0)  # pauses of three tries


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("answer", [Answer(), Answer(says_length=False), Answer(etag="")])
def test_a_file_comes_whole_and_nothing_is_left_beside_it(tmp_path: Path, answer: Answer) -> None:
    with serving(BODY, answer) as site:
        download(f"{site.url}/a", tmp_path / "new" / "a", num_bytes=1024, sha256=SHA256, pauses=())
    assert (tmp_path / "new" / "a").read_bytes() == BODY
    assert names(tmp_path / "new") == ["a"]


def test_a_cut_connection_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    with serving(BODY, Answer(sent=600), Answer(sent=200)) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=(0.0,))
    assert (tmp_path / "a").read_bytes() == BODY  # each try got further: one pause is enough for three tries
    assert site.requests == [("/a", None), ("/a", "bytes=600-"), ("/a", "bytes=800-")]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("num_bytes", [1024, None])
def test_the_next_program_goes_on_with_what_came(tmp_path: Path, num_bytes: int | None) -> None:
    with serving(BODY, Answer(sent=600)) as site:
        with pytest.raises(DownloadError, match=r"ended after 600 of 1,024 bytes; .*600 bytes that came are kept"):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, pauses=())
        assert not (tmp_path / "a").exists()
        download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, pauses=())
    assert (tmp_path / "a").read_bytes() == BODY
    assert [asked for _, asked in site.requests] == [None, "bytes=600-"]
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Answer(sent=600), Answer(knows_ranges=False)),
        (Answer(sent=600, body=b"x" * 1024), Answer(etag='"2"')),  # another file by now
        (Answer(sent=600, etag="", body=b"x" * 1024), Answer()),  # nothing says that it is still the same file
        (Answer(sent=600, etag='W/"1"', body=b"x" * 1024), Answer()),  # weak: not the same byte for byte
    ],
)
def test_it_starts_anew_where_the_server_does_not_go_on(tmp_path: Path, first: Answer, second: Answer) -> None:
    with serving(BODY, first, second) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=AT_ONCE)
    assert (tmp_path / "a").read_bytes() == BODY
    assert len(site.requests) == 2


def test_a_server_that_always_cuts_off_and_knows_no_ranges(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(sent=600, knows_ranges=False)] * 9) as site:
        with pytest.raises(DownloadError, match="600 of 1,024 bytes; tries in vain: 3; the 600 bytes"):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, pauses=AT_ONCE)
        assert len(site.requests) == 3


def test_a_whole_part_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(BODY)
    (tmp_path / ".a.part.version").write_text('"1"')
    download("http://127.0.0.1:1/a", tmp_path / "a", num_bytes=1024, sha256=SHA256)
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("num_bytes", [1024, None])
def test_a_part_that_is_longer_than_the_file(tmp_path: Path, num_bytes: int | None) -> None:
    (tmp_path / ".a.part").write_bytes(BODY * 2)
    (tmp_path / ".a.part.version").write_text('"1"')
    with serving(BODY) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=num_bytes, sha256=SHA256, pauses=AT_ONCE)
    assert (tmp_path / "a").read_bytes() == BODY


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(tmp_path: Path, status: int) -> None:
    with serving(BODY, Answer(status), Answer(status)) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=AT_ONCE)
    assert (tmp_path / "a").read_bytes() == BODY
    assert len(site.requests) == 3


def test_a_server_that_stays_busy(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(503)] * 9) as site:
        with pytest.raises(DownloadError, match=r"/a: the server answers 503 Service Unavailable; tries in vain: 3$"):
            download(f"{site.url}/a", tmp_path / "a", pauses=AT_ONCE)
        assert len(site.requests) == 3
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final(tmp_path: Path, status: int) -> None:
    with serving(BODY, Answer(status)) as site:
        with pytest.raises(DownloadError, match=rf"/a: the server answers {status} "):
            download(f"{site.url}/a", tmp_path / "a", pauses=AT_ONCE)
        assert len(site.requests) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(extra=100), "has 1,124 bytes, expected 1,024"),
        (Answer(extra=-100), "has 924 bytes, expected 1,024"),
        (Answer(body=BODY[:-4]), "has 1,020 bytes, expected 1,024"),
        (Answer(body=BODY + b"x", says_length=False), "sends more than the 1,024 bytes expected"),
        (Answer(body=b"<html>", content_type="text/html; charset=utf-8"), "a web page, not a file"),
        (Answer(body=BODY[::-1]), f"its SHA-256 is [0-9a-f]{{64}}, expected {SHA256}"),
        (Answer(body=BODY[::-1], says_length=False), f"its SHA-256 is [0-9a-f]{{64}}, expected {SHA256}"),
    ],
)
def test_a_server_that_lies(tmp_path: Path, answer: Answer, message: str) -> None:
    with serving(BODY, answer) as site:
        with pytest.raises(DownloadError, match=message):
            download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=AT_ONCE)
        assert len(site.requests) == 1  # no use in asking again
        assert not (tmp_path / "a").exists()
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=AT_ONCE)
    assert (tmp_path / "a").read_bytes() == BODY
    assert names(tmp_path) == ["a"]


def test_without_a_known_length_the_servers_word_is_held_against_it(tmp_path: Path) -> None:
    with serving(BODY, *[Answer(extra=100)] * 9) as site, pytest.raises(DownloadError, match="1,024 of 1,124 bytes"):
        download(f"{site.url}/a", tmp_path / "a", pauses=AT_ONCE)
    with serving(BODY, Answer(extra=-100)) as site, pytest.raises(DownloadError, match="SHA-256"):
        download(f"{site.url}/b", tmp_path / "b", sha256=SHA256, pauses=AT_ONCE)
    assert not {"a", "b"} & set(names(tmp_path))


def test_another_part_of_the_file_than_asked_for(tmp_path: Path) -> None:
    message = "asked for the bytes from 600 on, got 'bytes 608-1023/1024'"
    with serving(BODY, Answer(sent=600), Answer(range_shift=8)) as site, pytest.raises(DownloadError, match=message):
        download(f"{site.url}/a", tmp_path / "a", pauses=AT_ONCE)


def test_a_file_that_the_caller_refuses(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == BODY
        raise WeightsError("not a weights file")

    with serving(BODY) as site, pytest.raises(DownloadError, match="/a: not the right file: not a weights file"):
        download(f"{site.url}/a", tmp_path / "a", check=refuse)
    assert names(tmp_path) == []


def test_redirects_are_followed(tmp_path: Path) -> None:
    with serving(BODY, Answer(302, location="/b"), Answer(sent=600), Answer(301, location="/c")) as site:
        download(f"{site.url}/a", tmp_path / "a", num_bytes=1024, sha256=SHA256, pauses=AT_ONCE)
    assert site.requests == [("/a", None), ("/b", None), ("/a", "bytes=600-"), ("/c", "bytes=600-")]
    assert (tmp_path / "a").read_bytes() == BODY


def test_no_redirect_leads_away_from_https() -> None:
    redirects = SecureRedirects()
    request = Request("https://example.org/a")
    followed = redirects.redirect_request(request, None, 302, "Found", Message(), "https://example.com/b")
    assert followed is not None
    assert followed.full_url == "https://example.com/b"
    with pytest.raises(HTTPError, match=r"leads to http://example\.com/b, which is not HTTPS"):
        redirects.redirect_request(request, None, 302, "Found", Message(), "http://example.com/b")


def test_a_folder_serves_as_well(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "a").write_bytes(BODY)
    download((tmp_path / "mirror" / "a").as_uri(), tmp_path / "a", num_bytes=1024, sha256=SHA256)
    assert (tmp_path / "a").read_bytes() == BODY
    with pytest.raises(DownloadError, match=r"mirror/b: cannot be reached: .*No such file"):
        download((tmp_path / "mirror" / "b").as_uri(), tmp_path / "b")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:1/a: cannot be reached: .*refused"):
        download("http://127.0.0.1:1/a", tmp_path / "a")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with serving(BODY) as site, pytest.raises(DownloadError, match="taken/a: cannot be written: "):
        download(f"{site.url}/a", tmp_path / "taken" / "a")
