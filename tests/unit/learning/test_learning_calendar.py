import numpy as np
import pandas as pd
import pytest

from howdah.errors import Invalid
from howdah.learning import calendar, forecasting


def prices(dates: list[str], close: list[float]) -> pd.DataFrame:
    columns = dict.fromkeys(("Open", "High", "Low", "Close", "Adj Close"), close)
    return pd.DataFrame({"Date": pd.to_datetime(dates), **columns, "Volume": [1000.0] * len(close)})


def test_a_holiday_takes_the_day_before_and_says_so() -> None:
    # 2020-01-01 to 03 are Wednesday to Friday, 06 is Monday; there was no trading on Thursday.
    found = calendar.series(prices(["2020-01-01", "2020-01-03", "2020-01-06"], [100.0, 110.0, 110.0]))
    assert found.index.strftime("%a").tolist() == ["Wed", "Thu", "Fri", "Mon"]
    assert found["gap"].tolist() == [0, 1, 0, 0]
    assert found["close"].tolist() == [100, 100, 110, 110]
    assert found["log_return"].tolist() == pytest.approx([0, 0, np.log(1.1), 0])


def test_nothing_of_the_future_reaches_the_past() -> None:
    before = calendar.series(prices(["2020-01-01", "2020-01-03"], [100.0, 110.0]))
    after = calendar.series(prices(["2020-01-01", "2020-01-03", "2020-01-06"], [100.0, 110.0, 50.0]))
    pd.testing.assert_frame_equal(before, after.iloc[:3])


def test_dates_out_of_order_are_put_in_order_and_repeats_are_refused() -> None:
    straight = calendar.series(prices(["2020-01-01", "2020-01-02"], [1.0, 2.0]))
    pd.testing.assert_frame_equal(straight, calendar.series(prices(["2020-01-02", "2020-01-01"], [2.0, 1.0])))
    with pytest.raises(Invalid, match="2020-01-01 stands twice"):
        calendar.series(prices(["2020-01-01", "2020-01-01"], [1.0, 2.0]))


def test_a_window_ends_the_day_before_what_it_must_tell() -> None:
    days = pd.bdate_range("2020-01-01", periods=30)
    rising = [100.0 * 1.01**day for day in range(30)]
    features = calendar.series(prices([str(day.date()) for day in days], rising))
    runs, truth, dates = calendar.windows(features, 5, calendar.inputs(features))
    assert runs.shape == (25, 5, len(calendar.FEATURES))
    assert dates[0] == days[5]
    assert truth[0] == pytest.approx(np.log(1.01), rel=1e-4)
    np.testing.assert_array_equal(runs[1][0], runs[0][1])


def test_the_last_days_are_held_out_of_training() -> None:
    days = pd.bdate_range("2020-01-01", periods=100)
    features = calendar.series(
        prices([str(day.date()) for day in days], [float(day) for day in range(1, 101)])
    )
    names = calendar.inputs(features)
    side = forecasting.split({"A": features}, length=10, holdout_days=20, names=names)["A"]
    assert (len(side["train"].runs), len(side["held_out"].runs)) == (70, 20)
    assert side["train"].dates.max() < side["held_out"].dates.min()
    assert forecasting.border({"A": features}, 20) == days[-21]


def test_lags_and_rolling_figures_look_back_only() -> None:
    days = pd.bdate_range("2020-01-01", periods=30)
    levels = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 30)))
    whole = calendar.series(prices([str(day.date()) for day in days], levels.tolist()))
    for made in (calendar.lag(whole, "log_return", 2), calendar.rolling(whole, "log_return", 5)):
        assert made.drop(columns=whole.columns).iloc[10:].notna().all(axis=None)
        cut = calendar.rolling(calendar.lag(whole.iloc[:20], "log_return", 2), "log_return", 5)
        added = [name for name in made.columns if name not in whole.columns]
        pd.testing.assert_frame_equal(made[added].iloc[:20], cut[added])
    lagged = calendar.lag(whole, "log_return", 2)["log_return_lag_2"]
    assert lagged.iloc[:2].tolist() == [0.0, 0.0]
    assert lagged.iloc[7] == whole["log_return"].iloc[5]
    rolled = calendar.rolling(whole, "log_return", 5).iloc[9]
    past = whole["log_return"].iloc[5:10]
    assert rolled["log_return_mean_5"] == pytest.approx(past.mean())
    assert rolled["log_return_deviation_5"] == pytest.approx(past.std(ddof=0))


def test_a_linked_table_stands_as_it_was_known_on_the_day() -> None:
    features = calendar.series(prices(["2020-01-01", "2020-01-02", "2020-01-03"], [1.0, 2.0, 3.0]))
    rates = pd.DataFrame({"Date": pd.to_datetime(["2020-01-03", "2019-12-30"]), "rate": [9.0, 5.0]})
    assert calendar.link(features, rates, "bank")["bank_rate"].tolist() == [5.0, 5.0, 9.0]
    with pytest.raises(Invalid, match="bank says nothing about rate on 2020-01-01"):
        calendar.link(features, rates.iloc[:1], "bank")


def test_the_naive_forecast_scores_exactly_one() -> None:
    truth = np.array([0.01, -0.02, 0.03])
    assert forecasting.figures(truth, np.zeros(3))["mase"] == 1.0
    assert forecasting.figures(truth, truth)["mase"] == 0.0


def figures(dates: list[str], **columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"Date": pd.to_datetime(dates), **columns})


def test_daily_figures_are_told_by_their_changes() -> None:
    # 2020-01-03 is a Friday: with weekends among the days, the Saturday is missing, else it is no day.
    found = calendar.quantities(
        figures(
            ["2020-01-02", "2020-01-03", "2020-01-05"], sold=[1, 2, 2], heat=[3, -1, 0], guests=[0, 9, 9]
        ),
        "sold",
        counted=["guests"],
    )
    assert found.index.strftime("%a").tolist() == ["Thu", "Fri", "Sat", "Sun"]
    assert found["gap"].tolist() == [0, 0, 1, 0]
    assert found["log_return"].tolist() == pytest.approx([0, np.log(2), 0, 0])
    assert found["heat_change"].tolist() == [0, -4, 0, 1]
    assert found["guests_change"].tolist() == pytest.approx([0, np.log(10), 0, 0])
    assert calendar.inputs(found)[0] == "log_return"
    worked = calendar.quantities(figures(["2020-01-02", "2020-01-03", "2020-01-06"], sold=[1, 2, 2]), "sold")
    assert worked.index.strftime("%a").tolist() == ["Thu", "Fri", "Mon"]


@pytest.mark.parametrize(
    ("dates", "sold", "said"),
    [
        (["2020-01-01", "2020-01-02"], [1, 0], "sold is 0 on 2020-01-02"),
        (["2020-01-01", "2020-02-01", "2020-03-01"], [1, 2, 3], "58 of 61 days are missing"),
        (["2020-01-01", "2020-01-01"], [1, 2], "2020-01-01 stands twice"),
        (["2020-01-01", "2020-01-02"], [1, None], "at least two days"),
    ],
)
def test_what_is_no_daily_quantity_is_refused(dates: list[str], sold: list[float], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        calendar.quantities(figures(dates, sold=sold), "sold")
