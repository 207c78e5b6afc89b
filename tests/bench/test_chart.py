"""The chart is an SVG that says what it shows, on an axis on which less lies to the left."""

import xml.etree.ElementTree as ET

import pytest

from bench.chart import Mark, svg
from bench.spread import Spread

SVG = "{http://www.w3.org/2000/svg}"


def mark(name: str, cpu_us: float, ratio: float | None = None) -> Mark:
    return Mark(
        name,
        Spread(cpu_us, cpu_us * 0.9, cpu_us * 1.1),
        None if ratio is None else Spread(ratio, ratio * 0.9, ratio * 1.1),
    )


def drawn(*marks: Mark) -> ET.Element:
    return ET.fromstring(svg("a & b", "said", "x nginx + Lua", [("HTTP/1.1", marks)] if marks else []))


def texts(picture: ET.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def test_names_figures_ratios_and_the_axis_are_written() -> None:
    said = texts(drawn(mark("nginx + Lua", 45.678), mark("Phasegate", 1234.5, 0.98765)))
    assert {"a & b", "HTTP/1.1", "nginx + Lua", "45.7", "Phasegate", "1,234", "0.99 (0.89..1.09)"} <= set(said)
    assert any("CPU microseconds a request, logarithmic" in text for text in said)


def test_less_lies_to_the_left_in_equal_steps_of_ten() -> None:
    picture = drawn(mark("a", 10), mark("b", 100), mark("c", 1000))
    first, second, third = (float(each.attrib["cx"]) for each in picture.iter(f"{SVG}circle"))
    assert second - first == pytest.approx(third - second, abs=0.2)
    assert second > first


def test_everything_lies_within_the_picture() -> None:
    picture = drawn(mark("a", 1), mark("b", 99_999))
    width, height = (float(each) for each in picture.attrib["viewBox"].split()[2:])
    spots = [each for each in picture.iter() if each.tag in {f"{SVG}circle", f"{SVG}text"}]
    xs = [float(each.attrib.get("cx") or each.attrib["x"]) for each in spots]
    ys = [float(each.attrib.get("cy") or each.attrib["y"]) for each in spots]
    assert 0 <= min(xs) <= max(xs) <= width
    assert 0 <= min(ys) <= max(ys) <= height


def test_ours_is_marked() -> None:
    classes = [each.attrib["class"] for each in drawn(mark("nginx", 1), mark("Phasegate", 2)).iter(f"{SVG}circle")]
    assert classes == ["other", "ours"]


def test_it_can_be_read_on_light_and_dark() -> None:
    style = drawn(mark("a", 1)).findtext(f"{SVG}style") or ""
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    for name in ("text", ".back", ".other", ".ours", ".grid", ".small"):
        assert name in light
        assert name in dark


def test_nothing_is_drawn_of_nothing() -> None:
    assert list(drawn().iter(f"{SVG}circle")) == []
