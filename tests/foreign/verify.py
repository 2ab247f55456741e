"""Verifies the files of a package with aics-tlog, a verifier from PyPI by other people. This
script only reads files and hands them over.

    verify.py VKEY FOLDER...   one line a folder; exit code 1 if one does not hold
    verify.py VKEY             takes the folders from its input, one a line, until it ends

A folder is an unpacked package; beside its files it may have receipts/*.txt, and in growth/
checkpoints of before as N.checkpoint with the proof that the log went on as N.growth.
"""

import re
import sys
from pathlib import Path

from aics_tlog.checkpoint import checkpoint_from_note, verify_checkpoint
from aics_tlog.hashing import leaf_hash
from aics_tlog.note import b64_decode, parse_vkey
from aics_tlog.tiles import FileSystemTileReader, TileWriter
from aics_tlog.tree import MerkleTree, verify_consistency, verify_inclusion
from aics_tlog.verified import audit_tiles


class Bad(Exception):
    """Something does not hold."""


def holds(claim, otherwise):
    if not claim:
        raise Bad(otherwise)


def number(text):
    holds(re.fullmatch("0|[1-9][0-9]{0,18}", text, re.ASCII), f"{text!r} is no number")
    return int(text)


def opened(signed, key):
    checkpoint, note = checkpoint_from_note(signed)
    # parse_note passes over a missing last line feed.
    holds(note.to_bytes() == signed, "the note is not spelled as it should be")
    result = verify_checkpoint(note, key, expected_origin=key.name)
    holds(result.ok, result.error)
    return checkpoint


def proof(text, word):
    """A number, hashes, an empty line and a note: what the proofs of C2SP have in common."""
    head, found, signed = text.partition(b"\n\n")
    first, *rest = head.decode("ascii").split("\n")
    holds(found and first.startswith(word + " "), "this is no proof")
    path = [b64_decode(line) for line in rest]
    holds(all(len(one) == 32 for one in path), "a hash has 32 bytes")
    return number(first.removeprefix(word + " ")), path, signed


def included(text, entry, key):
    first = b"c2sp.org/tlog-proof@v1\n"
    holds(text.startswith(first), "this is no tlog-proof")
    index, path, signed = proof(text.removeprefix(first), "index")
    at = opened(signed, key)
    good = verify_inclusion(leaf_hash(entry), index, at.size, path, at.root)
    holds(good, f"entry {index} is not proven")
    return index, at


def grown(name, to, key):
    old = opened(name.with_suffix(".checkpoint").read_bytes(), key)
    start, path, signed = proof(name.read_bytes(), "old")
    now = opened(signed, key)
    good = verify_consistency(old.size, now.size, old.root, now.root, path)
    good = good and (start, now) == (old.size, to)
    holds(good, f"{name.name}: the log did not go on from there")


def receipt(name, key):
    lines = name.read_bytes().split(b"\n", 3)
    holds(len(lines) == 4, "this is no receipt")
    first, entry, empty, text = lines
    holds(first == b"countersign-receipt-1" and not empty, "this is no receipt")
    included(text, entry, key)


def entries_of(folder):
    *lines, last = (folder / "entries.jsonl").read_bytes().split(b"\n")
    holds(last == b"", "entries.jsonl breaks off")
    return lines


def whole(folder, at, entries):
    holds(len(entries) == at.size, f"{len(entries)} entries under a checkpoint of {at.size}")
    good = MerkleTree(entries).root() == at.root
    holds(good, "the entries do not have the root of the checkpoint")
    audit_tiles(FileSystemTileReader(folder), at.size, at.root)
    for path, bytes_ in TileWriter(entries).materialise().items():
        holds((folder / path).read_bytes() == bytes_, f"{path} is not of these entries")


def part(proofs, at, entries, key):
    holds(len(proofs) == len(entries), f"{len(entries)} entries and {len(proofs)} proofs")
    numbered = sorted((number(one.name.removesuffix(".tlog-proof")), one) for one in proofs)
    for (seq, name), entry in zip(numbered, entries):
        index, proven = included(name.read_bytes(), entry, key)
        holds((index, proven) == (seq, at), f"{name.name} is of another entry or checkpoint")


def verify(folder, key):
    at = opened((folder / "checkpoint").read_bytes(), key)
    entries = entries_of(folder)
    if (folder / "tile").exists():
        whole(folder, at, entries)
    else:
        part(list(folder.glob("proofs/*")), at, entries, key)
    for name in folder.glob("growth/*.growth"):
        grown(name, at, key)
    for name in folder.glob("receipts/*.txt"):
        receipt(name, key)


def tell(folder, key):
    try:
        verify(Path(folder), key)
    except Exception as why:  # whatever the library raises, the folder does not hold
        print("bad:", type(why).__name__, " ".join(str(why).split()), flush=True)
        return False
    print("good", flush=True)
    return True


def main(arguments):
    if not arguments:
        print("verify.py VKEY FOLDER...", file=sys.stderr)
        return 2
    key = parse_vkey(arguments[0])
    if len(arguments) == 1:
        for line in sys.stdin:
            tell(line.rstrip("\n"), key)
        return 0
    return 0 if all([tell(folder, key) for folder in arguments[1:]]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
