"""Which images of a folder are read, and what its sub-folders mean."""

from __future__ import annotations

import pytest
from user_files import refusal, save_images, says, write

from genbench.files.folders import digest_of_folder, list_images
from genbench.files.source import Source


def listed(folder):
    found = list_images(Source(folder))
    return [path.relative_to(folder).as_posix() for path in found.paths], found.labels, found.parts, found.notes


def test_images_in_the_folder_itself_have_no_labels(tmp_path):
    save_images(tmp_path, n=2)
    save_images(tmp_path / "more", n=3)
    write(tmp_path, "a\n1\n")
    assert listed(tmp_path) == (["000.png", "001.png"], None, None, ["3 images in sub-folders were left out"])


def test_sub_folders_are_labels_at_any_depth(tmp_path):
    save_images(tmp_path / "dog" / "deep", n=1)
    save_images(tmp_path / "cat", n=2, ending="jpg")
    paths = ["cat/000.jpg", "cat/001.jpg", "dog/deep/000.png"]
    assert listed(tmp_path) == (paths, ["cat", "cat", "dog"], None, [])


def test_hidden_files_and_folders_are_skipped(tmp_path):
    save_images(tmp_path / "cat", n=2)
    before = listed(tmp_path), digest_of_folder(Source(tmp_path))
    write(tmp_path / "cat", "", ".DS_Store")
    assert (listed(tmp_path), digest_of_folder(Source(tmp_path))) == before  # what is no image needs no note
    for name in ("._000.png", "._001.png"):
        write(tmp_path / "cat", "AppleDouble", name)
    write(tmp_path, "AppleDouble", "._x.png")
    save_images(tmp_path / ".thumbnails", n=3)
    save_images(tmp_path / "cat" / ".thumbnails", n=1)
    (*found, notes), digest = listed(tmp_path), digest_of_folder(Source(tmp_path))
    assert (tuple(found), digest) == (before[0][:3], before[1])
    assert notes == ["7 hidden files were skipped"]


def test_one_hidden_file_is_one(tmp_path):
    save_images(tmp_path, n=1)
    write(tmp_path, "", "._000.png")
    assert listed(tmp_path)[3] == ["1 hidden file was skipped"]


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "TEST"), ("train", "val"), ("TRAIN", "Validation")])
def test_sub_folders_for_training_and_test_are_splits(tmp_path, names):
    save_images(tmp_path / names[0], n=3)
    save_images(tmp_path / names[1], n=2)
    paths, labels, parts, notes = listed(tmp_path)
    assert paths[0] == f"{names[0]}/000.png"
    assert labels is None
    assert parts == ["train"] * 3 + ["test"] * 2
    (note,) = notes
    says(note, f"{names[0]}/ (3 images) is the train split", f"{names[1]}/ (2 images) is the test split", "label")


def test_folders_below_splits_are_labels(tmp_path):
    for part in ("train", "test"):
        save_images(tmp_path / part / "cat", n=2)
        save_images(tmp_path / part / "dog", n=1)
    _, labels, parts, notes = listed(tmp_path)
    assert labels == ["cat", "cat", "dog"] * 2
    assert parts == ["train"] * 3 + ["test"] * 3
    assert len(notes) == 1
    save_images(tmp_path / "test", n=4)
    _, labels, parts, notes = listed(tmp_path)
    assert labels is None
    assert parts == ["train"] * 3 + ["test"] * 4
    says(" ".join(notes), "test/: 3 images in sub-folders were left out", "not taken as labels", "directly in test/")


def test_what_is_beside_the_splits_is_left_out(tmp_path):
    for name, n in (("train", 3), ("test", 2), ("valid", 4), ("masks", 1)):
        save_images(tmp_path / name, n=n)
    paths, _, parts, notes = listed(tmp_path)
    assert len(paths) == len(parts) == 5
    says(" ".join(notes), "masks/ (1 image), valid/ (4 images) were left out")
    digest = digest_of_folder(Source(tmp_path))
    save_images(tmp_path / "valid", n=1)
    assert digest_of_folder(Source(tmp_path)) == digest
    save_images(tmp_path / "test", n=1)
    assert digest_of_folder(Source(tmp_path)) != digest


def test_one_split_alone_is_a_label(tmp_path):
    for name in ("train", "car", "bus"):
        save_images(tmp_path / name, n=1)
    (tmp_path / "test").mkdir()
    assert listed(tmp_path)[1:3] == (["bus", "car", "train"], None)


def test_a_folder_without_images_is_refused(tmp_path):
    write(tmp_path, "a\n1\n")
    write(tmp_path, "", ".hidden.png")
    says(refusal(list_images, Source(tmp_path)), "folder without images", "1 .csv")
