"""docs/settings.md says what the code reads."""

import settings_page


def test_the_page_is_what_its_program_writes() -> None:
    text = settings_page.PAGE.read_text(encoding="utf-8")
    assert text == settings_page.make_page(), "run `.venv/bin/python tools/settings_page.py`"
