"""Steps as graphs."""

from shared.runbook.drawing import as_dot, as_mermaid, as_text
from tests.runbook.library import TELL, whole, written
from tests.runbook.test_including_each import EACH


def test_a_terminal_gets_a_tree(tmp_path):
    look, clean, each, tell = as_text(whole(tmp_path).content.steps).splitlines()
    assert look == "look  [local, low risk]  [gathers]"
    assert clean.startswith("`- clean  [ssh, high risk]  [for each of steps.look.outputs.hosts]")
    assert clean.endswith("[when steps.look.outputs.count > 0 && params.keep > 1 && !params.loud]")
    assert each == "each  [local, low risk]  [for each of mounts]"
    assert tell == "`- tell (also after clean)  [runbook tell]"


def test_mermaid_gets_boxes_and_arrows_with_nothing_that_ends_its_quotes(tmp_path):
    drawn = as_mermaid(whole(tmp_path).content.steps)
    assert drawn.startswith("flowchart TD\n")
    assert "  s0 --> s1" in drawn
    assert 's3[["tell<br/>runbook tell"]]' in drawn
    assert "count #62; 0 #38;#38;" in drawn


def test_graphviz_gets_a_digraph(tmp_path):
    drawn = as_dot(whole(tmp_path).content.steps)
    assert '  "look" -> "clean";' in drawn
    assert drawn.endswith("}")


def test_a_runbook_for_each_item_says_so(tmp_path):
    library = written(tmp_path, each=EACH, tell=TELL)
    drawn = as_text(library.get("tell-all").content.steps)
    assert "`- tell  [runbook tell]  [for each of people]" in drawn
