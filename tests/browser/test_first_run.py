"""From an empty workspace to curves, with one click."""


def test_one_click_on_the_empty_home_trains_a_model(first_run):
    assert first_run.states[-1].startswith("Completed"), first_run.states
    assert "Running" in " ".join(first_run.states), first_run.states


def test_lines_of_the_log_appear_while_it_runs(first_run):
    seen = sorted({lines for lines in first_run.lines if lines})
    assert len(seen) > 2, first_run.lines


def test_charts_appear_and_grow_to_their_end_without_a_reload(first_run):
    assert first_run.charts[0] == 0
    assert first_run.charts[-1] == 2
    # How many stages of the curve are seen depends on how busy the machine is; it ends whole, without a reload.
    assert first_run.points == sorted(first_run.points) and first_run.points[-1] > 200, first_run.points
