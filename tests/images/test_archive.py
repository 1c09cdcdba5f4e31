"""What a container sees of an image's layers, and what stays in them."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from image_tools.archive import CAPABILITY, Archive, Layer, build_layer, merge_layers
from image_tools.image_rules import check_image, check_rights


def _entries(*files: tuple[str, int], folders: tuple[str, ...] = (), capable: str = "") -> Iterator[tarfile.TarInfo]:
    """Written as a real tar and read back."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in folders:
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for path, mode in files:
            entry = tarfile.TarInfo(path)
            entry.mode = mode
            entry.pax_headers = {CAPABILITY: "x"} if path == capable else {}
            tar.addfile(entry)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        yield from tar


def _layer(*files: tuple[str, int], folders: tuple[str, ...] = (), capable: str = "") -> Layer:
    return build_layer("layer", _entries(*files, folders=folders, capable=capable))


def _rights(*layers: Layer) -> list[str]:
    return [f"{finding.problem} {finding.where}" for finding in check_rights("image", list(layers))]


def test_setuid_and_setgid_files_are_found() -> None:
    layer = _layer(("./usr/bin/su", 0o4755), ("usr/bin/wall", 0o2755), ("usr/bin/true", 0o755))
    assert _rights(layer) == ["a setuid file image:/usr/bin/su", "a setgid file image:/usr/bin/wall"]


def test_a_file_with_capabilities_is_found() -> None:
    assert _rights(_layer(("bin/ping", 0o755), capable="bin/ping")) == ["a file with capabilities image:/bin/ping"]


def test_a_later_layer_replaces_a_file() -> None:
    assert _rights(_layer(("bin/su", 0o4755)), _layer(("bin/su", 0o755))) == []
    assert len(_rights(_layer(("bin/su", 0o755)), _layer(("bin/su", 0o4755)))) == 1


def test_a_later_layer_takes_a_file_or_a_folder_away() -> None:
    below = _layer(("bin/su", 0o4755), ("opt/a/b", 0o4755), ("opt/ab", 0o644))
    assert set(merge_layers([below, _layer(("bin/.wh.su", 0), ("opt/.wh.a", 0))])) == {"opt/ab"}


@pytest.mark.parametrize("gone", [".wh.su", "./.wh.su", "/.wh.su"])
def test_a_later_layer_takes_away_what_is_in_the_root(gone: str) -> None:
    below = _layer(("./su", 0o4755), ("./.su", 0o644), ("opt/su", 0o644))
    assert set(merge_layers([below, _layer((gone, 0))])) == {".su", "opt/su"}


def test_an_opaque_root_hides_all_that_is_below() -> None:
    assert set(merge_layers([_layer(("opt/su", 0o4755)), _layer((".wh..wh..opq", 0), ("opt/b", 0o644))])) == {"opt/b"}


@pytest.mark.parametrize(
    ("path", "where"),
    [(".env", "/.env"), ("./.netrc", "/.netrc"), ("/.pgpass", "/.pgpass"), ("./root/.npmrc", "/root/.npmrc")],
)
def test_a_file_that_holds_secrets_is_found_in_the_root_too(path: str, where: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(path))
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        member = tarfile.TarInfo("layer")
        member.size = len(stream.getvalue())
        tar.addfile(member, io.BytesIO(stream.getvalue()))
    whole.seek(0)
    with tarfile.open(fileobj=whole) as tar:
        findings = check_image(Archive("image", tar, ("layer",), {"config": {"User": "1"}}))
    assert [(finding.rule, finding.where) for finding in findings] == [("secret", f"image:{where}")]


def test_an_opaque_folder_hides_what_is_below_and_not_what_comes_with_it() -> None:
    below = _layer(("opt/a/b", 0o4755))
    assert set(merge_layers([below, _layer(("opt/a/.wh..wh..opq", 0), ("opt/a/c", 0o644))])) == {"opt/a/c"}


def test_a_folder_in_place_of_a_file_hides_it() -> None:
    assert merge_layers([_layer(("opt/a", 0o4755)), _layer(folders=("opt/a",))]) == {}
