"""The lessons of the course run, in their smallest form and in one process; the course maps name all of them."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "lessons"
MAP, CHINESE_MAP = (ROOT / "examples" / name for name in ("README.md", "README.zh.md"))
NOT_LESSONS = {"__init__", "__main__", "common", "report", "seeds"}
LESSONS = sorted({path.stem for path in FOLDER.glob("*.py")} - NOT_LESSONS)

pytestmark = pytest.mark.host_only  # the lessons run on the default device of a machine, in a process of their own

needs_pictures = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="the lessons draw pictures")


def run(*arguments: str, folder: Path) -> str:
    """Run a module from the repository's root, as a user would; what it printed."""
    env = {**os.environ, "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", *arguments, "--tiny", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def everything(tmp_path_factory) -> tuple[Path, str]:
    """The folder with the report of all lessons, and what was printed."""
    folder = tmp_path_factory.mktemp("lessons")
    return folder, run("examples.lessons", folder=folder)


@needs_pictures
@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_prints_its_tables_and_saves_its_pictures(everything, lesson):
    folder, said = everything
    report = (folder / "report.md").read_text(encoding="utf-8")
    section = report.split(f"\n## {lesson}\n")[1].split("\n## ")[0]
    pictures = re.findall(r"^!\[.*\]\((.+?)\)$", section, re.MULTILINE)
    assert f"{lesson}.png" in pictures
    assert all((folder / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    header = re.search(r"^\| (.+) \|\n\| ---", section, re.MULTILINE)[1].split(" | ")
    assert all(name in said for name in header)
    assert "Setting" in section
    assert re.search(r"^\*\*(Holds|Too small a run to tell)\*\*: ", section, re.MULTILINE)
    assert "DOES NOT HOLD" not in section


@needs_pictures
def test_the_report_is_a_page_too(everything):
    folder, _ = everything
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == len(LESSONS)
    assert all((folder / picture).exists() for picture in re.findall(r'<img src="(.+?)"', page))
    for tag in ("table", "figure", "tr", "td"):
        assert page.count(f"<{tag}>") == page.count(f"</{tag}>") > 0


@needs_pictures
def test_a_lesson_runs_alone(tmp_path):
    said = run("examples.lessons.from_logits", folder=tmp_path)
    assert "Holds: from probabilities the loss stops at 16.1" in said
    assert (tmp_path / "from_logits.png").exists()


@needs_pictures
def test_claims_are_counted_over_seeds_and_a_stopped_count_goes_on(tmp_path):
    names = ("from_logits", "three_steps")
    said = run("examples.lessons", *names, "--seeds", "1", folder=tmp_path)
    assert "three_steps, seed 0: 2 of 2 claims" in said
    said = run("examples.lessons", *names, "--seeds", "2", folder=tmp_path)
    assert "seed 0" not in said and "three_steps, seed 1" in said and "from_logits, seed 1" not in said
    first, *others = map(json.loads, (tmp_path / "seeds.jsonl").read_text(encoding="utf-8").splitlines())
    assert not first["random"] and [found["seed"] for found in others] == [0, 1]
    measured = [found["claims"][0]["effects"][0]["size"] for found in others]
    assert measured[0] != measured[1]
    table = (tmp_path / "seeds.md").read_text(encoding="utf-8")
    assert f"{min(measured):.4f} to {max(measured):.4f}" in table and "| 1 of 1 |" in table
    run("examples.lessons", *names, folder=tmp_path)
    assert f"{min(measured):.4f} to {max(measured):.4f}" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_random_numbers_of_lessons_begin_from_the_seed_of_the_run():
    begin = re.compile(r"(?:manual_seed|set_random_seed|default_rng|seed)(?:\(|=)([^),\s]*)")
    for lesson in LESSONS:
        code = (FOLDER / f"{lesson}.py").read_text(encoding="utf-8")
        assert set(begin.findall(code)) <= {"run.seed", "seed", ""}, lesson
        assert ("seed" in code) == (lesson not in {"attention_by_hand", "from_logits", "saddle_or_minimum"})


def rows(readme: Path, header: str) -> list[list[str]]:
    """The rows of the table with this first column."""
    table = readme.read_text(encoding="utf-8").split(f"\n| {header} |")[1].split("\n\n")[0].splitlines()[2:]
    return [line.strip("| ").split(" | ") for line in table]


def sentence(lesson: str) -> str:
    return (FOLDER / f"{lesson}.py").read_text(encoding="utf-8").split('"""')[1].split("\n\n")[0]


def test_all_lessons_are_in_the_course():
    course = (FOLDER / "__init__.py").read_text(encoding="utf-8").split("COURSE = (")[1]
    assert sorted(re.findall(r'"(\w+)"', course)) == LESSONS


@pytest.mark.parametrize(("readme", "header"), [(MAP, "idea"), (CHINESE_MAP, "概念")])
def test_the_course_map_names_all_lessons_and_only_files_that_exist(readme, header):
    named = set()
    for _, library, script, picture in rows(readme, header):
        files = re.findall(r"`([^`]+)`", library)
        assert files and all((ROOT / file).exists() for file in files), library
        text, link = re.fullmatch(r"\[`(.+?)`\]\((.+?)\)", script).groups()
        assert (readme.parent / link).exists() and Path(link).stem == text
        if link.startswith("lessons/"):
            named.add(text)
            assert re.fullmatch(rf"`{text}(_\w+)?\.png`", picture)
    assert sorted(named) == LESSONS


def test_the_maps_are_the_same_in_both_languages():
    assert [row[1:] for row in rows(MAP, "idea")] == [row[1:] for row in rows(CHINESE_MAP, "概念")]


def test_the_sentences_of_the_lessons_are_listed_in_both_languages():
    english = {lesson: sentence(lesson) for lesson in LESSONS}
    for readme, header in ((MAP, "lesson of the course"), (CHINESE_MAP, "课程")):
        listed = {re.search(r"`(.+?)`", first)[1]: rest for first, *rest in rows(readme, header)}
        assert {lesson: said[0] for lesson, said in listed.items()} == english
        if readme is CHINESE_MAP:
            assert all(re.search(r"[\u4e00-\u9fff]", said[1]) for said in listed.values())
