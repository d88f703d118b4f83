"""Leaflets as files: none that was shipped has changed, every product has one, broken ones are refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from shop.catalog.models import ActiveClass
from shop.prescriptions.paper import leaflets, sheet
from shop.prescriptions.paper.leaflets import CURRENT, HEADINGS, BrokenLeaflet, Subject

PINNED = {
    "antibiotic-2026-1.json": "ffd087c25c84d004d5f020f8173f351ffdcadcf27b71792381a4411517f2f014",
    "azelaic-2026-1.json": "911b2ab8f1a07a7dd2a84782ce008c49728908b1d5d64734fa572c67e13916fb",
    "general-2026-1.json": "a8e928dc2db22f9ae64dc3da97fbc262334275b00b479857821a1b069e34d607",
    "hydroquinone-2026-1.json": "8746d088d52e342fabe784510bb27cabac9554e029d06caf614e2274556b7cb5",
    "lash-2026-1.json": "2a4b13210272175a7fa22cb72b43f4fbbf791f552dc612b0994d9e62d7f29576",
    "pharmacy-choice-2026-1.json": "24361a402c9c6fd86fd96f17de84ad73239fba26e1d3bb3870aeccc2d6f9f7e0",
    "retinoid-2026-1.json": "9c819eab6b45a7a2269e572a2ba4aedf893d64c4805f0b2a3da0cb3aaabc7880",
    "steroid-2026-1.json": "8fcb3d1e0281c9e5023822ab60247be1339ad1ea873b87a9416661125ade01b5",
}


def test_the_files_that_shipped_are_what_they_were() -> None:
    shipped = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in leaflets.FOLDER.glob("*.json")
    }
    assert shipped == PINNED


def test_every_file_can_be_read_and_printed() -> None:
    for version in leaflets.shipped() - {leaflets.CHOICE}:
        part = leaflets.part(version)
        assert [heading for heading, _texts in part.sections] == list(HEADINGS.values())
        for text in (part.title, *part.cautions, *(t for _h, ts in part.sections for t in ts)):
            assert sheet.UNKNOWN not in sheet.printable(text)
    assert leaflets.choice().paragraphs


def test_every_subject_has_a_leaflet_in_force() -> None:
    assert set(CURRENT) == set(Subject)
    assert {leaflets.part(version).version for version in CURRENT.values()} == set(CURRENT.values())


@pytest.mark.parametrize(
    ("classes", "version"),
    [
        (["retinoid"], "retinoid-2026-1"),
        (
            ["corticosteroid", "retinoid", "hydroquinone"],
            "retinoid-2026-1+hydroquinone-2026-1+steroid-2026-1",
        ),
        (["antibiotic"], "antibiotic-2026-1"),
        (["azelaic_acid"], "azelaic-2026-1"),
        (["prostaglandin"], "lash-2026-1"),
        (["uv_filter"], "general-2026-1"),
        ([None], "general-2026-1"),
        ([], "general-2026-1"),
    ],
)
def test_a_product_has_the_leaflets_of_its_actives(classes: list[str | None], version: str) -> None:
    assert leaflets.version_for(classes) == version


def test_every_class_of_active_has_some_leaflet() -> None:
    for known in ActiveClass:
        assert leaflets.leaflet(leaflets.version_for([known.value])).cautions


@pytest.mark.parametrize(
    "version",
    [
        "",
        "retinoid",
        "retinoid-2020-1",
        "../../etc/passwd",
        "retinoid-2026-1+",
        "general-2026-1+retinoid-1999-9",
        "retinoid-2026-1+retinoid-2026-1",
        "x" * 10_000,
    ],
)
def test_what_was_never_shipped_is_not_there(version: str) -> None:
    with pytest.raises(KeyError):
        leaflets.leaflet(version)


WHOLE: dict[str, Any] = {key: ["Text."] for key in (*HEADINGS, "cautions", "sources")} | {
    "version": "test-2026-1",
    "title": "A leaflet",
}


@pytest.mark.parametrize(
    "broken",
    [
        {"version": "test-2026-2"},
        {"pregnancy": []},
        {"pregnancy": "Text."},
        {"call": [""]},
        {"sources": []},
        {"cautions": ["x" * 91]},
        {"unknown": ["Text."]},
    ],
)
def test_a_broken_file_is_refused(
    broken: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaflets, "FOLDER", tmp_path)
    file = tmp_path / "test-2026-1.json"
    file.write_text(json.dumps(WHOLE), encoding="utf-8")
    assert leaflets.part.__wrapped__("test-2026-1").title == "A leaflet"  # type: ignore[attr-defined]

    file.write_text(json.dumps(WHOLE | broken), encoding="utf-8")
    with pytest.raises(BrokenLeaflet):
        leaflets.part.__wrapped__("test-2026-1")  # type: ignore[attr-defined]


def test_the_font_is_shipped_with_its_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in (sheet.FONTS / "OFL.txt").read_text(encoding="utf-8")
    fonts = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sheet.FONTS.glob("*.ttf")
    }
    assert fonts == {
        "Inter-Bold.ttf": "fbe825cbfc749317f57a1433d3905aa9d3f388732fd29b8e8a36f34845e3bc3e",
        "Inter-Regular.ttf": "a414b48aa577ef2c62ebb135341ddeef33ee26a4f5dc9f787f93c1aab08ebb50",
    }
