from howdah.cli.pachctl.drawing import drawn

PASSING = """\
┌─────┐  ┌─────┐
│  b  │  │ raw │
└─────┘  └─────┘
   │        │
   ├────────┤
   │        │
┌─────┐     │
│  c  │     │
└─────┘     │
   │        │
   ├────────┘
   │
┌─────┐
│  d  │
└─────┘"""


def test_a_line_passes_the_layer_between():
    assert "\n".join(drawn({"c": ["b", "raw"], "d": ["c", "raw"]}, 5)) == PASSING


def test_nothing_is_drawn_of_nothing():
    assert drawn({}) == []


def test_each_target_turns_in_a_row_of_its_own():
    lines = drawn({"x": ["a", "b"], "y": ["a", "b"]}, 3)
    assert lines[3:-3] == ["  │      │", "  ├──────┤", "  ├──────┤", "  │      │"]
