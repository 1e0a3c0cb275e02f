"""Two import contracts that import-linter lacks, used from pyproject.toml.

Both name modules by pattern: a dotted name stands for itself and all below it, `*` for
one part of a name, `**` for any number. A pattern may name what does not exist yet: the
rule then waits for it.
"""

import re
from collections.abc import Iterable

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Reserved(Contract):
    """Only `importers` may import `modules` (our own or foreign) directly."""

    modules = fields.ListField(subfield=fields.StringField())
    importers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        reserved, allowed = _matcher(self.modules), _matcher(self.importers)
        breaches = [
            (importer, imported)
            for imported in sorted(filter(reserved.fullmatch, graph.modules))
            for importer in sorted(graph.find_modules_that_directly_import(imported))
            if not allowed.fullmatch(importer) and not reserved.fullmatch(importer)
        ]
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


class Confined(Contract):
    """Of our own modules, `modules` may directly import only `imports` and one another."""

    modules = fields.ListField(subfield=fields.StringField())
    imports = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        confined, allowed = _matcher(self.modules), _matcher(self.imports)
        ours = _matcher(self.session_options["root_packages"])
        breaches = [
            (importer, imported)
            for importer in sorted(filter(confined.fullmatch, graph.modules))
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if ours.fullmatch(imported) and not allowed.fullmatch(imported)
            if not confined.fullmatch(imported)
        ]
        return ContractCheck(kept=not breaches, metadata={"breaches": breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


def _matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    parts = {"**": r".+", "*": r"[^.]+"}
    return re.compile(
        "|".join(
            r"\.".join(parts.get(part, re.escape(part)) for part in pattern.split(".")) + r"(\..+)?"
            for pattern in patterns
        )
    )


def _render(check: ContractCheck) -> None:
    for importer, imported in check.metadata["breaches"]:
        output.print_error(f"{importer} may not import {imported}", bold=False)
