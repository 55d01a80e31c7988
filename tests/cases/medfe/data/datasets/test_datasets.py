"""Each source lists the photographs of its real on-disk form, and says what to put where if they are missing."""

import os
from pathlib import Path

import pytest
import skimage.data
import sklearn.datasets
from PIL import Image

from repro.cases.medfe.data import files
from repro.cases.medfe.data.datasets import folder, installed, open_dataset, published
from repro.errors import UserError


def fail_to_download(_):
    raise OSError("network is off\nmore")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr(published, "download_places365", fail_to_download)
    monkeypatch.setattr(published, "download_celeba", fail_to_download)


def write_files(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not opened here")


def test_photos_are_colour_photographs_of_the_installed_packages(data_params):
    catalogue = open_dataset(data_params(source="photos"))
    assert len(catalogue.published["train"]) == 8
    for name in catalogue.published["train"]:
        for label, path in catalogue.find_views(name).items():
            assert path.as_posix().endswith(label)
            with Image.open(path) as image:
                assert image.mode == "RGB"
                assert min(image.size) >= 300


def test_photos_are_those_that_the_packages_show(data_params):
    catalogue = open_dataset(data_params(source="photos"))
    shown = {
        "astronaut": skimage.data.astronaut(),
        "china": sklearn.datasets.load_sample_image("china.jpg"),
    }
    for name, pixels in shown.items():
        (path,) = catalogue.find_views(name).values()
        with Image.open(path) as image:
            assert (image.width, image.height) == (pixels.shape[1], pixels.shape[0])


def test_the_stereo_pair_is_one_photograph(data_params):
    views = open_dataset(data_params(source="photos")).find_views("motorcycle")
    assert [Path(label).name for label in views] == ["motorcycle_left.png", "motorcycle_right.png"]


def test_a_package_without_its_photographs_is_named(monkeypatch):
    monkeypatch.setattr(installed, "PHOTOGRAPHS", {"none": ("skimage/data/no_such_photograph.png",)})
    with pytest.raises(UserError, match=r"no_such_photograph\.png is missing"):
        installed.open_photos()


def test_a_folder_is_listed_with_its_subfolders(tmp_path, data_params):
    write_files(tmp_path, ["b.png", "sub/folder/c.jpg", "a, with comma.PNG", "notes.txt"])
    catalogue = open_dataset(data_params(root=str(tmp_path)))
    assert catalogue.published == {"train": ["a, with comma.PNG", "b.png", "notes.txt", "sub/folder/c.jpg"]}
    assert catalogue.find_views("sub/folder/c.jpg") == {"sub/folder/c.jpg": tmp_path / "sub/folder/c.jpg"}
    assert catalogue.left_out == []


def test_links_pipes_and_odd_names_are_left_out(tmp_path):
    tree = tmp_path / "tree"
    write_files(tree, ["a.png", "inner/b.png"])
    write_files(tmp_path, ["outside/secret.png"])
    (tree / "link.png").symlink_to(tmp_path / "outside/secret.png")
    (tree / "inner link").symlink_to(tree / "inner")
    (tree / "outer link").symlink_to(tmp_path / "outside")
    (tree / "loop").symlink_to(tree)
    os.mkfifo(tree / "pipe.png")
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff.png")).write_bytes(b"x")
    names, left_out = files.list_files(tree)
    assert names == ["a.png", "inner/b.png"]
    assert {item.file: item.reason for item in left_out} == {
        "link.png": files.LINK,
        "inner link": files.LINK,
        "outer link": files.LINK,
        "loop": files.LINK,
        "pipe.png": files.SPECIAL,
        "\\udcff.png": files.UNNAMEABLE,
    }


def test_links_into_the_cache_of_dvc_are_followed(tmp_path):
    cached, tree = tmp_path / "cache/files/md5/0a" / ("1b" * 15), tmp_path / "tree"
    write_files(cached.parent, [cached.name, "1b"])
    tree.mkdir()
    (tree / "a.png").symlink_to(cached)
    (tree / "b.png").symlink_to(cached.with_name("1b"))
    (tree / "c.png").symlink_to(cached.with_name("2c" * 15))
    assert files.list_files(tree) == (["a.png"], [("b.png", files.LINK), ("c.png", files.LINK)])


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "validation", "Test"), ("train", "test")])
def test_a_folder_that_is_split_keeps_its_split(tmp_path, data_params, names):
    write_files(tmp_path, [*(f"{name}/a.png" for name in names), "cover.png", "other/b.png"])
    catalogue = open_dataset(data_params(root=str(tmp_path)))
    splits = {folder.SPLIT_FOLDERS[name.lower()]: [f"{name}/a.png"] for name in names}
    assert catalogue.published == splits
    assert catalogue.left_out == [("cover.png", folder.OUTSIDE), ("other/b.png", folder.OUTSIDE)]


@pytest.mark.parametrize("only", ["train", "test"])
def test_a_folder_with_one_such_name_is_no_split(tmp_path, data_params, only):
    write_files(tmp_path, [f"{only}/a.png", "b.png"])
    assert open_dataset(data_params(root=str(tmp_path))).published == {"train": sorted([f"{only}/a.png", "b.png"])}


def test_an_empty_folder_of_a_split_is_an_error(tmp_path, data_params):
    write_files(tmp_path, ["train/a.png", "test/b.png"])
    (tmp_path / "val").mkdir()
    with pytest.raises(UserError, match=r"no image in its folder val"):
        open_dataset(data_params(root=str(tmp_path)))


@pytest.mark.parametrize("source", ["celeba", "places365"])
@pytest.mark.parametrize("other", ["img_align_celeba/000001.jpg", "train/abbey/00000001.jpg", "celeba/000001.jpg"])
def test_another_layout_starts_no_download(tmp_path, data_params, monkeypatch, source, other):
    monkeypatch.setattr(published, f"download_{source}", lambda _: pytest.fail("a download was started"))
    write_files(tmp_path, [other])
    with pytest.raises(UserError, match=r"it holds .*so nothing is downloaded.*\n.*so that .* holds: "):
        open_dataset(data_params(source=source, root=str(tmp_path)))


@pytest.mark.parametrize(("source", "left"), [("celeba", "celeba/img_align_celeba.zip"), ("places365", "val_256.tar")])
def test_an_interrupted_download_goes_on(tmp_path, data_params, source, left):
    write_files(tmp_path, [left])
    with pytest.raises(UserError, match="network is off"):
        open_dataset(data_params(source=source, root=str(tmp_path)))


def test_what_a_download_leaves_is_as_torchvision_names_it():
    from torchvision.datasets import CelebA, Places365

    metas = (Places365._FILE_LIST_META, Places365._IMAGES_META)
    named = {name for meta in metas for name, *_ in meta.values()}
    named |= {Places365._DEVKIT_META["standard"][0], Places365._CATEGORIES_META[0]}
    named |= {f"{CelebA.base_folder}/{name}" for _, _, name in CelebA.file_list}
    needed = {name for pair in published.PLACES365_LISTS.values() for name in pair} | {published.CELEBA_LIST}
    downloaded = {*published.PLACES365_DOWNLOADED, *published.CELEBA_DOWNLOADED}
    assert downloaded <= named
    assert {name for name in named - needed if "challenge" not in name} - downloaded <= {
        "train_large_places365standard.tar",
        "val_large.tar",
        "test_256.tar",
        "test_large.tar",
    }


@pytest.mark.parametrize(
    ("inside", "message"), [(None, "there is no such folder"), ("empty", "no file in this folder")]
)
def test_a_missing_or_empty_folder_is_an_error(tmp_path, data_params, inside, message):
    if inside:
        (tmp_path / "folder" / inside).mkdir(parents=True)
    with pytest.raises(UserError, match=message):
        open_dataset(data_params(root=str(tmp_path / "folder")))


def test_a_root_is_looked_for_in_the_working_tree_first_and_then_in_the_project(tmp_path, data_params, monkeypatch):
    write_files(tmp_path, ["project/pictures/a.png", "copy/other/b.png"])
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    monkeypatch.chdir(tmp_path / "copy")
    assert open_dataset(data_params(root="pictures")).published == {"train": ["a.png"]}
    assert open_dataset(data_params(root="other")).published == {"train": ["b.png"]}


def write_places365(root, train, val):
    write_files(root, [f"data_256_standard{name}" for name in train] + [f"val_256/{name}" for name in val])
    (root / "places365_train_standard.txt").write_text("".join(f"{name} 3\n" for name in train))
    (root / "places365_val.txt").write_text("".join(f"{name} 3\n" for name in val))


def test_places365_uses_the_publishers_lists(tmp_path, data_params):
    write_places365(tmp_path, ["/a/abbey/00000001.jpg", "/b/bar/00000002.jpg"], ["Places365_val_00000001.jpg"])
    write_files(tmp_path, ["data_256_standard/a/abbey/unlisted.jpg"])
    catalogue = open_dataset(data_params(source="places365", root=str(tmp_path)))
    assert catalogue.published == {
        "train": ["data_256_standard/a/abbey/00000001.jpg", "data_256_standard/b/bar/00000002.jpg"],
        "test": ["val_256/Places365_val_00000001.jpg"],
    }
    for names in catalogue.published.values():
        for name in names:
            assert catalogue.find_views(name)[name].is_file()


def test_places365_folders_are_those_of_torchvision():
    from torchvision.datasets import Places365

    for (listing, images), split in zip(published.PLACES365_LISTS.values(), ("train-standard", "val"), strict=True):
        dataset = Places365.__new__(Places365)
        dataset.root, dataset.split, dataset.small = "", split, True
        assert dataset.images_dir == images
        assert Places365._FILE_LIST_META[split][0] == listing


def write_celeba(root, parts):
    write_files(root, [f"celeba/img_align_celeba/{name}" for name in parts])
    (root / "celeba/list_eval_partition.txt").write_text("".join(f"{name} {part}\n" for name, part in parts.items()))


def test_celeba_has_three_published_splits(tmp_path, data_params):
    write_celeba(tmp_path, {"000001.jpg": 0, "000002.jpg": 1, "000003.jpg": 2, "000004.jpg": 0})
    catalogue = open_dataset(data_params(source="celeba", root=str(tmp_path)))
    assert catalogue.published == {
        "train": ["celeba/img_align_celeba/000001.jpg", "celeba/img_align_celeba/000004.jpg"],
        "validation": ["celeba/img_align_celeba/000002.jpg"],
        "test": ["celeba/img_align_celeba/000003.jpg"],
    }


def test_celeba_folders_are_those_of_torchvision():
    from torchvision.datasets import CelebA

    files = [name for _, _, name in CelebA.file_list]
    assert Path(published.CELEBA_LIST).parts == (CelebA.base_folder, "list_eval_partition.txt")
    assert Path(published.CELEBA_LIST).name in files
    assert f"{Path(published.CELEBA_IMAGES).name}.zip" in files


def test_paris_streetview_is_train_and_evaluation(tmp_path, data_params):
    write_files(tmp_path, ["paris_train_original/001_im.png", "paris_eval_gt/001_im.png", "paris_eval_gt/002_im.png"])
    catalogue = open_dataset(data_params(source="paris_streetview", root=str(tmp_path)))
    assert catalogue.published == {
        "train": ["paris_train_original/001_im.png"],
        "test": ["paris_eval_gt/001_im.png", "paris_eval_gt/002_im.png"],
    }


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("places365", ["places365_train_standard.txt", "data_256_standard", "places365_val.txt", "val_256"]),
        ("celeba", ["celeba/list_eval_partition.txt", "celeba/img_align_celeba"]),
        ("paris_streetview", ["paris_train_original", "paris_eval_gt"]),
    ],
)
def test_what_is_missing_says_which_file_to_put_where(tmp_path, data_params, source, needed):
    with pytest.raises(UserError) as caught:
        open_dataset(data_params(source=source, root=str(tmp_path)))
    message = str(caught.value)
    assert len(message.splitlines()) == 2
    assert all(item in message for item in needed)
    assert ("OSError: network is off" in message) == (source != "paris_streetview")


def test_a_list_that_leaves_the_data_set_is_refused(tmp_path, data_params):
    write_celeba(tmp_path, {"000001.jpg": 0})
    (tmp_path / "celeba/list_eval_partition.txt").write_text("../../../etc/passwd 0\n")
    with pytest.raises(UserError, match="leaves the data set"):
        open_dataset(data_params(source="celeba", root=str(tmp_path)))


def test_a_line_of_another_form_is_refused(tmp_path, data_params):
    write_celeba(tmp_path, {"000001.jpg": 0})
    (tmp_path / "celeba/list_eval_partition.txt").write_text("000001.jpg train\n")
    with pytest.raises(UserError, match="is not an image name and 0, 1 or 2"):
        open_dataset(data_params(source="celeba", root=str(tmp_path)))


def test_a_split_without_an_image_is_refused(tmp_path, data_params):
    write_celeba(tmp_path, {"000001.jpg": 0, "000002.jpg": 1})
    with pytest.raises(UserError, match="no image for the split test"):
        open_dataset(data_params(source="celeba", root=str(tmp_path)))
