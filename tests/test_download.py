"""The downloader, against a server on this machine that fails in every way it is told to."""

import errno
import gzip
import hashlib
import http.server
import os
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from tinygrad_ml.data import CIFAR10, FashionMNIST
from tinygrad_ml.data import download as downloads  # the module, whose `download` is under test
from tinygrad_ml.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`; the attributes of the server say how well."""

    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and server.ranges:
            start = int(wanted[1])
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        rest = content[start:]
        if server.announce:
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.breaks:
            rest = rest[: server.breaks.pop(0)]
        self.wfile.write(rest)
        if server.stalls:
            server.stalls -= 1
            server.closing.wait(10)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/file": CONTENT}
        self.requests = []
        self.ranges = self.announce = True
        self.stalls = 0  # in how many requests to keep the line open and silent at the end
        self.closing = threading.Event()
        self.breaks = []  # how many bytes to send before hanging up, request by request

    def url(self, path="/file"):
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


DEAD = "http://127.0.0.1:9/file"  # the discard port, where nobody listens


def download(urls, path, md5=MD5):
    return downloads.download(urls, path, md5, timeout=5, progress=False)


def ranges(server):
    return [wanted for _, wanted in server.requests]


def test_fetches_into_new_folders_and_once_only(server, tmp_path):
    path = tmp_path / "a" / "b" / "file"
    assert download([server.url()], path) == path
    assert path.read_bytes() == CONTENT
    assert os.listdir(path.parent) == ["file"]
    download([DEAD], path)
    assert len(server.requests) == 1


def test_a_damaged_file_is_replaced(server, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT[:-1])
    download([server.url()], path)
    assert path.read_bytes() == CONTENT


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = [100_000, 50_000]
    download([server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]


def test_a_server_that_falls_silent_is_asked_for_the_rest(server, tmp_path):
    server.breaks, server.stalls = [100_000], 1
    downloads.download([server.url()], tmp_path / "file", MD5, timeout=0.2, progress=False)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-"]


def test_the_next_call_goes_on_where_the_last_one_stopped(server, tmp_path):
    path = tmp_path / "file"
    server.breaks = [1000 * n for n in range(1, 7)]
    with pytest.raises(
        DataError, match=r"file could not be downloaded:\n.*broke off 6 times(.|\n)*what has arrived is kept"
    ):
        download([server.url()], path)
    assert not path.exists()
    arrived = Path(f"{path}.part").read_bytes()
    assert arrived == CONTENT[:21_000]
    download([server.url()], path)
    assert ranges(server)[-1] == "bytes=21000-"
    assert path.read_bytes() == CONTENT and not Path(f"{path}.part").exists()


def test_a_second_mirror_goes_on_where_the_first_stopped(server, tmp_path):
    server.files["/other"] = CONTENT
    server.breaks = [1000, 0, 0, 0, 0, 0]
    download([server.url(), server.url("/other")], tmp_path / "file")
    assert server.requests[-1] == ("/other", "bytes=1000-")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.ranges = False
    server.breaks = [100_000]
    download([server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_announces_no_length_is_judged_by_the_checksum(server, tmp_path):
    server.announce = False
    download([server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [CONTENT, b"x" * 500, CONTENT + b"x", b"x" * len(CONTENT)])
def test_what_was_left_over_is_used_or_thrown_away(server, tmp_path, part):
    (tmp_path / "file.part").write_bytes(part)
    download([server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["dead", "missing", "wrong"])
def test_the_second_mirror_helps_out(server, tmp_path, first):
    server.files["/wrong"] = b"<html>please log in</html>"
    urls = {"dead": DEAD, "missing": server.url("/missing"), "wrong": server.url("/wrong")}
    download([urls[first], server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_when_all_mirrors_fail_each_is_named_with_its_answer(server, tmp_path):
    server.files["/wrong"] = b"something else"
    urls = [DEAD, server.url("/missing"), server.url("/wrong")]
    with pytest.raises(DataError) as caught:
        download(urls, tmp_path / "file")
    message = str(caught.value)
    assert str(tmp_path / "file") in message and "put it there" in message
    dead, missing, wrong = (next(line for line in message.split("\n") if f" {url}:" in line) for url in urls)
    assert "refused" in dead
    assert "404" in missing
    assert MD5 in wrong and hashlib.md5(b"something else").hexdigest() in wrong
    assert os.listdir(tmp_path) == []


def test_a_silent_server_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(DataError, match="timed out"):
            downloads.download([url], tmp_path / "file", MD5, timeout=0.1, progress=False)


def test_an_interrupt_keeps_what_arrived(server, tmp_path, monkeypatch):
    store = downloads._store

    def interrupted(chunk, file, part):
        store(chunk, file, part)
        if file.tell() > 100_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_store", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download([server.url()], tmp_path / "file")
    monkeypatch.undo()
    assert 100_000 < (tmp_path / "file.part").stat().st_size < len(CONTENT)
    download([server.url()], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert ranges(server)[-1] is not None


def test_a_full_disk_is_no_fault_of_the_mirror(server, tmp_path):
    full = tmp_path / "file.part"
    full.symlink_to("/dev/full")
    with pytest.raises(DataError, match="file.part cannot be stored: No space left on device.*Make room"):
        download([server.url(), server.url()], tmp_path / "file")
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_made_is_a_clear_error(server, tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(DataError, match="plain/file cannot be stored: (Not a directory|File exists)"):
        download([server.url()], tmp_path / "plain" / "file")


def test_a_folder_without_permission_is_a_clear_error(server, tmp_path, monkeypatch):
    # Whoever runs the tests may be root, whom no permission stops: the refusal is simulated.
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataError, match="cannot be stored: Permission denied.*folder you may write to"):
        download([server.url()], tmp_path / "file")


# -- the data sets that are downloaded --------------------------------------------------------------------


def test_fashion_mnist_is_downloaded_from_its_mirrors(server, tmp_path, monkeypatch):
    header = {3: b"\0\0\x08\x03" + b"\0\0\0\x02\0\0\0\x1c\0\0\0\x1c", 1: b"\0\0\x08\x01\0\0\0\x02"}
    contents = {
        "train-images-idx3-ubyte.gz": gzip.compress(header[3] + bytes(2 * 784)),
        "train-labels-idx1-ubyte.gz": gzip.compress(header[1] + b"\x09\x03"),
    }
    server.files = {f"/mirror/{name}": content for name, content in contents.items()}
    monkeypatch.setattr(FashionMNIST, "md5", {name: hashlib.md5(c).hexdigest() for name, c in contents.items()})
    monkeypatch.setattr(FashionMNIST, "mirrors", (server.url("/gone/"), server.url("/mirror/")))
    data = FashionMNIST(tmp_path, download=True)
    assert data.labels.tolist() == [9, 3]
    folder = tmp_path / "FashionMNIST" / "raw"
    assert sorted(os.listdir(folder)) == sorted(contents)

    before = len(server.requests)
    FashionMNIST(tmp_path)
    FashionMNIST(tmp_path, download=True)
    assert len(server.requests) == before

    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="train-labels-idx1-ubyte.gz is damaged"):
        FashionMNIST(tmp_path)
    assert FashionMNIST(tmp_path, download=True).labels.tolist() == [9, 3]


def test_cifar10_is_downloaded_from_its_mirrors(server, tmp_path, monkeypatch):
    server.files = {"/mirror/cifar-10-binary.tar.gz": CONTENT}
    monkeypatch.setattr(CIFAR10, "md5", MD5)
    monkeypatch.setattr(CIFAR10, "mirrors", (server.url("/gone/"), server.url("/mirror/")))
    with pytest.raises(DataError, match="does not unpack"):  # what was served is no archive
        CIFAR10(tmp_path, download=True)
    assert (tmp_path / "cifar-10-binary.tar.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", [FashionMNIST, CIFAR10])
def test_every_download_has_two_mirrors_and_a_checksum(kind):
    assert len(kind.mirrors) >= 2
    assert all(re.fullmatch(r"https?://[^ ]+/", mirror) for mirror in kind.mirrors)
    sums = kind.md5.values() if isinstance(kind.md5, dict) else [kind.md5]
    assert all(re.fullmatch("[0-9a-f]{32}", md5) for md5 in sums)
