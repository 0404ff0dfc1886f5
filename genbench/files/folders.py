"""List the images of a folder: what its sub-folders mean, labels or splits, and what is left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genbench.files.source import Source, digest, join_names

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}

# names of sub-folders that are splits, in any case
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """The image files of a folder, in the order of their names.

    ``labels`` and ``parts`` have one entry a file, or are None: the sub-folder that names its class, and the split that
    it belongs to, ``train`` or ``test``.
    """

    paths: Sequence[Path]
    labels: Sequence[str] | None
    parts: Sequence[str] | None
    notes: Sequence[str]


@dataclass(frozen=True)
class Folder:
    """The visible images in a folder itself, those below each of its sub-folders, and the number of hidden ones."""

    path: Path
    top: Sequence[Path]
    below: Mapping[Path, Sequence[Path]]
    hidden: int

    @classmethod
    def scan(cls, path: Path) -> Folder:
        """Return what the folder ``path`` holds; a folder that is a link is entered only directly below it."""
        entries = sorted(path.iterdir())
        top = [p for p in entries if _is_image(p)]
        below = {sub: sorted(p for p in sub.rglob("*") if _is_image(p)) for sub in entries if sub.is_dir()}
        visible = [[p for p in images if not _is_hidden(p, path)] for images in (top, *below.values())]
        hidden = sum(map(len, (top, *below.values()))) - sum(map(len, visible))
        return cls(path, visible[0], dict(zip(below, visible[1:], strict=True)), hidden)

    @property
    def labelled(self) -> tuple[list[Path], list[str] | None, list[str]]:
        """The images that are read, their labels if they lie in sub-folders, and notes."""
        if self.top:
            n_left_out = sum(map(len, self.below.values()))
            return [*self.top], None, [f"{n_left_out} images in sub-folders were left out"] if n_left_out else []
        paths = [path for images in self.below.values() for path in images]
        return paths, [sub.name for sub, images in self.below.items() for _ in images], []


def list_images(source: Source) -> Listing:
    """Return the images of a folder, without hidden ones; raises DataError if there are none.

    Images in the folder itself come before those in its sub-folders, which are left out then. Sub-folders ``train`` and
    ``test`` are splits; those below them, or else all sub-folders, are labels.
    """
    folder = Folder.scan(source.path)
    notes = (
        [f"{folder.hidden} hidden file{' was' if folder.hidden == 1 else 's were'} skipped"] if folder.hidden else []
    )
    if not folder.top and (splits := _splits(folder)):
        return _list_splits(folder, splits, notes)
    paths, labels, more = folder.labelled
    if not paths:
        files = [p for p in source.path.iterdir() if p.is_file() and not p.name.startswith(".")]
        suffixes = Counter(p.suffix.lower() or "without suffix" for p in files)
        content = f"; it holds {join_names([f'{n} {suffix}' for suffix, n in suffixes.items()])}" if suffixes else ""
        raise source.error(f"is a folder without images (png, jpg, ...){content}; name one file instead")
    return Listing(paths, labels, None, [*notes, *more])


def digest_of_folder(source: Source) -> str:
    """Return one sha256 of the names and bytes of all images that are read from a folder."""
    total = hashlib.sha256()
    for path in sorted(list_images(source).paths):
        total.update(f"{path.relative_to(source.path).as_posix()}\0{digest(path)}\0".encode())
    return total.hexdigest()


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a file below a folder is hidden or in a hidden folder, as ``._001.png`` of macOS is."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


# ------------------------------------------------------------------------------------------------------------- splits


def _splits(folder: Folder) -> dict[str, list[Path]]:
    """Return the sub-folders with images that are the splits ``train`` and ``test``; none where one of them lacks."""
    found: dict[str, list[Path]] = {}
    for sub, images in folder.below.items():
        if images and sub.name.lower() in SPLIT_NAMES:
            found.setdefault(SPLIT_NAMES[sub.name.lower()], []).append(sub)
    test = found.get("test") or found.get("validation")
    return {"train": found["train"], "test": test} if "train" in found and test else {}


def _list_splits(folder: Folder, splits: Mapping[str, Sequence[Path]], notes: Sequence[str]) -> Listing:
    """Return the images of both splits, with the labels that they have below the folders of the splits."""
    paths: list[Path] = []
    labels: list[str] = []
    parts: list[str] = []
    described, unlabelled, more = [], [], []
    used = [(part, sub) for part, subs in splits.items() for sub in subs]
    for part, sub in used:
        images, names, found = Folder.scan(sub).labelled
        paths += images
        parts += [part] * len(images)
        labels += names or []
        more += [f"{sub.name}/: {note}" for note in found]
        unlabelled += [f"{sub.name}/"] if names is None else []
        described.append(f"{sub.name}/ ({_count(len(images))}) is the {part} split")
    others = {sub.name: len(images) for sub, images in folder.below.items() if images}
    left_out = [f"{name}/ ({_count(n)})" for name, n in others.items() if name not in [sub.name for _, sub in used]]
    if left_out:
        more.append(f"{join_names(left_out)} {'was' if len(left_out) == 1 else 'were'} left out, beside the splits")
    if unlabelled and labels:
        more.append(f"sub-folders were not taken as labels: images directly in {join_names(unlabelled)} have none")
    all_notes = [*notes, f"{' and '.join(described)}; neither is a label", *more]
    return Listing(paths, None if unlabelled else labels, parts, all_notes)


def _count(n: int) -> str:
    return "1 image" if n == 1 else f"{n} images"
