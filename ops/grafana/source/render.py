"""From what a panel is to Grafana's JSON, with Grafana's own types: a field that it does not know is an
error here, and not an empty panel there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as of_common
from grafana_foundation_sdk.models import dashboard as of_dashboard
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from ops.grafana.source.panel import HEIGHTS, Dashboard, Panel, Query
from ops.grafana.source.variables import (
    ANNOTATIONS,
    PROMETHEUS,
    RUNBOOKS,
    choices,
    text_boxes,
)

__all__ = ["GRID_WIDTH", "rendered"]

GRID_WIDTH: Final = 24
_TAG: Final = "streamer"
_LINK: Final = of_dashboard.DashboardLinkType.LINK
_DASHBOARDS: Final = of_dashboard.DashboardLinkType.DASHBOARDS
# Questions about now are asked once, not for every point of the range.
_INSTANT: Final = frozenset({"table", "bargauge"})


def rendered(dashboard: Dashboard) -> str:
    """Return a dashboard's file."""
    with_partition = any("$partition" in q.promql for p in dashboard.panels for q in p.queries)
    board = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags([_TAG])
        .time(dashboard.since, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(of_dashboard.DashboardCursorSync.CROSSHAIR)
        .variables([*choices(with_partition=with_partition), *text_boxes(dashboard.variables)])
        .links([_siblings()])
    )
    y = number = 0
    for row in dashboard.rows:
        number += 1
        at = of_dashboard.GridPos(h=1, w=GRID_WIDTH, x=0, y=y)
        board.with_row(build.Row(row.title).id(number).grid_pos(at))
        y += 1
        for line in _lines(row.panels):
            x = 0
            for panel in line:
                number += 1
                height = _height(line[0])
                at = of_dashboard.GridPos(h=height, w=panel.width, x=x, y=y)
                board.with_panel(_panel(panel).id(number).grid_pos(at))
                x += panel.width
            y += _height(line[0])
    told = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    told["annotations"] = {"list": [_annotation(each) for each in ANNOTATIONS]}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _lines(panels: tuple[Panel, ...]) -> Iterator[list[Panel]]:
    """Break a row's panels into lines that fill the grid."""
    line: list[Panel] = []
    for panel in panels:
        line.append(panel)
        if sum(each.width for each in line) == GRID_WIDTH:
            yield line
            line = []
    if line:
        raise ValueError(f"panels must fill lines of {GRID_WIDTH}, got {line[-1].title} at the end")


def _height(panel: Panel) -> int:
    return panel.height or HEIGHTS[panel.kind]


def _siblings() -> build.DashboardLink:
    return (
        build.DashboardLink("Dashboards of streamer")
        .type(_DASHBOARDS)
        .tags([_TAG])
        .include_vars(True)
        .keep_time(True)
    )


def _annotation(each: dict[str, Any]) -> dict[str, Any]:
    source = {"type": PROMETHEUS.type_val, "uid": PROMETHEUS.uid}
    return {"datasource": source, "enable": True, "hide": False, "step": "10s", **each}


def _panel(panel: Panel) -> Any:
    built = _BUILDERS[panel.kind](panel)
    built.title(panel.title).description(panel.description).datasource(PROMETHEUS)
    built.links(
        [
            build.DashboardLink("Runbook")
            .type(_LINK)
            .url(f"${{{RUNBOOKS.name}:raw}}/{panel.runbook}")
            .target_blank(True)
        ]
    )
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        built.with_target(_target(panel, query).ref_id(letter))
    built.unit(panel.unit)
    if panel.kind == "heatmap":
        return built
    if panel.decimals is not None:
        built.decimals(panel.decimals)
    if panel.maximum is not None:
        built.max(panel.maximum)
    if panel.minimum is not None:
        built.min(panel.minimum)
    if panel.steps:
        steps = [of_dashboard.Threshold(step.value, step.colour) for step in panel.steps]
        built.thresholds(build.ThresholdsConfig().steps(steps))
    if panel.states:
        result = of_dashboard.ValueMappingResult
        names = {f"{value:g}": result(text, colour) for value, text, colour in panel.states}
        built.mappings([of_dashboard.ValueMap(names)])
    return built


def _target(panel: Panel, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.promql).datasource(PROMETHEUS)
    target.legend_format(query.legend or "__auto")
    if panel.kind == "heatmap":
        target.format(PromQueryFormat.HEATMAP)
    if panel.kind == "table":
        target.format(PromQueryFormat.TABLE)
    if query.has_exemplars:
        target.exemplar(True)
    return target.instant() if panel.kind in _INSTANT else target.range()


def _timeseries(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(of_common.LegendDisplayMode.TABLE)
        .placement(of_common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
        .sort_by("Max")
        .sort_desc(True)
    )
    tooltip = (
        common.VizTooltipOptions()
        .mode(of_common.TooltipDisplayMode.MULTI)
        .sort(of_common.SortOrder.DESCENDING)
    )
    built = timeseries.Panel().legend(legend).tooltip(tooltip).line_width(1)
    built.show_points(of_common.VisibilityMode.NEVER)
    built.fill_opacity(30 if panel.is_stacked else 5)
    if panel.is_stacked:
        built.stacking(common.StackingConfig().mode(of_common.StackingMode.NORMAL).group("A"))
    if panel.steps:
        dashed = of_common.GraphThresholdsStyleMode.DASHED
        built.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))
    return built


def _stat(panel: Panel) -> stat.Panel:
    built = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    built.graph_mode(of_common.BigValueGraphMode.AREA)
    if panel.states:
        built.graph_mode(of_common.BigValueGraphMode.NONE)
    if panel.steps or panel.states:
        built.color_mode(of_common.BigValueColorMode.BACKGROUND_SOLID)
    else:
        built.color_mode(of_common.BigValueColorMode.NONE)
    return built


def _heatmap(panel: Panel) -> heatmap.Panel:
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges")
    return (
        heatmap.Panel()
        .calculate(False)
        .color(colours.steps(64))
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .cell_gap(1)
        .show_legend()
        .exemplars_color("blue")
    )


def _bargauge(_: Panel) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .display_mode(of_common.BarGaugeDisplayMode.BASIC)
        .orientation(of_common.VizOrientation.HORIZONTAL)
    )


def _state_timeline(_: Panel) -> statetimeline.Panel:
    return statetimeline.Panel().show_value(of_common.VisibilityMode.NEVER).merge_values(True)


def _table(_: Panel) -> table.Panel:
    hidden = {"Time": True, "Value": True}
    of_value = of_dashboard.DynamicConfigValue
    colours = {
        "page": of_dashboard.ValueMappingResult("page", "red"),
        "ticket": of_dashboard.ValueMappingResult("ticket", "orange"),
        "info": of_dashboard.ValueMappingResult("info", "blue"),
    }
    return (
        table.Panel()
        .with_transformation(
            of_dashboard.DataTransformerConfig("organize", options={"excludeByName": hidden})
        )
        .override_by_name(
            "severity",
            [
                of_value("mappings", [of_dashboard.ValueMap(colours)]),
                of_value("custom.cellOptions", {"type": "color-background"}),
            ],
        )
        .no_value("none")
    )


_BUILDERS: Final[dict[str, Callable[[Panel], Any]]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "heatmap": _heatmap,
    "bargauge": _bargauge,
    "state-timeline": _state_timeline,
    "table": _table,
}
