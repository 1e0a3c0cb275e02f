"""What a new case is about, as far as its files need to know."""

from dataclasses import dataclass

from howdah.core.json import JsonObject, as_list, as_object, as_text

FORECAST = "forecast"
TASKS = ("regression", "classification", FORECAST)


@dataclass(frozen=True, slots=True)
class NewCase:
    name: str
    task: str
    target: str
    schema: JsonObject
    data: str
    """The data file, as the commands to type name it."""
    date: str = ""
    """For a forecast, the column that names the day."""
    series: str = ""
    """For a forecast, the column that tells several series apart; empty where there is one."""

    @property
    def image(self) -> str:
        return f"{self.name}:0.1.0"

    @property
    def days(self) -> list[str]:
        """For a forecast, what the step `features` is told of the columns."""
        return ["--target", self.target, "--date", self.date, "--by", self.series]

    @property
    def left_out(self) -> list[str]:
        """Columns that a first model does not learn from: free text, identifiers, dates."""
        return [
            as_text(column.get("name"))
            for column in map(as_object, as_list(self.schema.get("columns")))
            if column.get("name") != self.target
            and (
                column.get("kind") == "date"
                or (column.get("kind") == "category" and not column.get("levels"))
            )
        ]


def guess_task(schema: JsonObject, target: str) -> str:
    return "regression" if target in columns_of(schema, "number") else "classification"


def columns_of(schema: JsonObject, kind: str = "") -> list[str]:
    """The names of the columns, or of those of one kind."""
    columns = map(as_object, as_list(schema.get("columns")))
    return [as_text(column.get("name")) for column in columns if kind in ("", column.get("kind"))]
