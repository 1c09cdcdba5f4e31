"""A step's version is that of the code that it runs, whatever the platform was started with."""

from pathlib import Path

from nightshift.code_digest import digest_folder, find_running_version, read_digests, write_digests

KNOWN = {"nightshift": "aa", "flights": "bb", "highs": "cc"}
COMMIT = "v1-3-g0123456789ab"


def test_unchanged_code_has_the_version_it_was_given() -> None:
    now = {"nightshift": "aa", "flights": "bb"}
    assert find_running_version(COMMIT, KNOWN, now) == COMMIT
    assert find_running_version(f"{COMMIT}-dirty-0123456789ab", KNOWN, now) == f"{COMMIT}-dirty-0123456789ab"


def test_an_image_has_the_version_it_was_built_with() -> None:
    assert find_running_version(COMMIT, {}, {"nightshift": "zz"}) == COMMIT


def test_a_model_edited_three_times_since_the_start_has_three_versions() -> None:
    given = (COMMIT, f"{COMMIT}-dirty-0123456789ab")
    versions = [
        find_running_version(version, KNOWN, {"nightshift": "aa", "new": digest})
        for version in given
        for digest in ("one", "two", "three")
    ]
    assert len(set(versions)) == 3
    assert all(version.startswith(f"{COMMIT}-dirty-") for version in versions)


def test_without_git_it_still_says_so() -> None:
    version = find_running_version("no-git-0123456789ab", KNOWN, {"nightshift": "edited"})
    assert version.startswith("no-git-")
    assert version != "no-git-0123456789ab"


def test_digests_pass_through_a_variable() -> None:
    assert read_digests(write_digests(KNOWN)) == KNOWN


def test_every_file_counts_by_path_and_content_and_nothing_that_python_or_an_editor_leaves(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").write_text("one")
    observed = {digest_folder(tmp_path)}
    for name in ("weights.bin", "sub/b.sql", "sub/c.py"):
        (tmp_path / name).write_bytes(b"\xff")
        observed.add(digest_folder(tmp_path))
    (tmp_path / "sub" / "c.py").rename(tmp_path / "c.py")
    observed.add(last := digest_folder(tmp_path))
    assert len(observed) == 5
    for name in (".a.py.swp", "__pycache__/a.cpython-311.pyc", "sub/.git/HEAD", "a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere")
    assert digest_folder(tmp_path) == last
