"""Labels of AI: written as the standard says, kept, never believed as they stand."""

import json

from media_agents.labelling import Labels, aigc, arguments, labels_of, moving

WORDS = '{"Label":"1","ContentProducer":"contentops:t"}'


def test_what_is_written_has_every_field_of_the_standard() -> None:
    assert json.loads(aigc("contentops:t", "abc")) == {
        "Label": "1",
        "ContentProducer": "contentops:t",
        "ProduceID": "abc",
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }


def test_a_label_is_found_under_any_case_and_written_anew() -> None:
    found = labels_of({"aigc": WORDS[:-1] + ',"extra":"<script>"}'})

    assert json.loads(found.aigc)["ContentProducer"] == "contentops:t"
    assert "script" not in found.aigc
    assert labels_of({"AIGC": found.aigc}) == found


def test_what_is_no_label_is_left_behind() -> None:
    for text in ("", "yes", "[]", '{"ContentProducer":"x"}', '{"Label":1}', "x" * 3000):
        assert labels_of({"AIGC": text}).aigc == ""
    assert labels_of({"copyright": "a\n\x00b  c"}).copyright == "ab c"
    assert labels_of({"copyright": "x" * 201}).copyright == ""


def test_a_file_without_labels_is_muxed_as_before() -> None:
    assert arguments(Labels()) == []
    assert moving(Labels()) == ""
    assert "use_metadata_tags" in moving(Labels(aigc=WORDS))
    assert f"AIGC={WORDS}" in arguments(Labels(aigc=WORDS))
