"""Prints the sheets of a workbook as JSON: [[name, [[cell, …], …]], …].

A cell is null, a number or a text; anything else a workbook can hold, such as a formula, a link or
a part that reaches outside, ends this with an error.
"""

import json
import re
import sys
import xml.etree.ElementTree as tree
import zipfile

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def unescaped(text):
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


def text_of(element):
    return unescaped("".join(part.text or "" for part in element.iter(MAIN + "t")))


def cell(element, shared):
    foreign = [child.tag for child in element if child.tag not in (MAIN + "v", MAIN + "is")]
    assert not foreign, foreign
    kind, value = element.get("t"), element.find(MAIN + "v")
    if kind == "inlineStr":
        return text_of(element)
    if kind == "s":
        return shared[int(value.text)]
    assert kind in (None, "n"), kind
    return None if value is None else float(value.text)


def column(reference):
    number = 0
    for letter in re.match("[A-Z]+", reference)[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def rows(sheet, shared):
    for row in sheet.iter(MAIN + "row"):
        cells = []
        for element in row:
            cells += [None] * (column(element.get("r")) - len(cells))
            cells.append(cell(element, shared))
        yield cells


with zipfile.ZipFile(sys.argv[1]) as book:
    assert book.testzip() is None
    names = book.namelist()
    assert not [name for name in names if "external" in name.lower() or name.startswith("/")]
    shared = []
    if "xl/sharedStrings.xml" in names:
        table = tree.fromstring(book.read("xl/sharedStrings.xml"))
        shared = [text_of(one) for one in table.iter(MAIN + "si")]
    links = tree.fromstring(book.read("xl/_rels/workbook.xml.rels"))
    assert not [one for one in links if one.get("TargetMode") == "External"]
    targets = {one.get("Id"): one.get("Target") for one in links}
    sheets = []
    for sheet in tree.fromstring(book.read("xl/workbook.xml")).iter(MAIN + "sheet"):
        part = tree.fromstring(book.read("xl/" + targets[sheet.get(RELATION)]))
        sheets.append([sheet.get("name"), list(rows(part, shared))])
    json.dump(sheets, sys.stdout)
