"""`ops/feast` names the features that there are; what Feast does with them is in tests/integrations."""

from __future__ import annotations

import ast

from streamer.features import FEATURE_NAMES
from tests.ops.dockerfile import ROOT


def test_the_views_have_every_feature_once() -> None:
    tree = ast.parse((ROOT / "ops" / "feast" / "features.py").read_text())
    listed = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("_FEATURES")
    ]
    assert len(listed) == 2
    assert sorted(sum(listed, ())) == sorted(FEATURE_NAMES)
