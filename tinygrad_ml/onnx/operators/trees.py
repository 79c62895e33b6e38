"""Ensembles of decision trees. All samples walk down all trees at once, a level at a time, by looking at numbers: what comes
out is constant between the thresholds, and has no gradient.

Read next: `../table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ...tensor import Tensor, as_tensor
from ..table import Numbers, operator
from .estimators import CLASSICAL, labels_of, transformed

BRANCHES = {
    "BRANCH_LEQ": lambda x, split: x <= split,
    "BRANCH_LT": lambda x, split: x < split,
    "BRANCH_GTE": lambda x, split: x >= split,
    "BRANCH_GT": lambda x, split: x > split,
    "BRANCH_EQ": lambda x, split: x == split,
    "BRANCH_NEQ": lambda x, split: x != split,
}
NUMBER_OF_MEMBER = len(BRANCHES)
AGGREGATIONS = ("AVERAGE", "SUM", "MIN", "MAX")
TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")


class Trees(NamedTuple):
    """Inner nodes, and for each the two it leads to: a node, or -1 - i for the i-th leaf.

    modes    the comparison of each node with its threshold, by its number among `BRANCHES`; the last is of a set
    members  node -> that set
    tracks   whether nan takes the way of what holds
    roots    a node, or a leaf as above, for each tree
    """

    features: numpy.ndarray
    modes: numpy.ndarray
    splits: numpy.ndarray
    holds: numpy.ndarray
    fails: numpy.ndarray
    tracks: numpy.ndarray
    members: dict[int, numpy.ndarray]
    roots: numpy.ndarray

    def leaves(self, x: numpy.ndarray) -> numpy.ndarray:
        """(samples, trees): the leaf at which each sample arrives."""
        at = numpy.broadcast_to(self.roots, (len(x), len(self.roots)))
        while (at >= 0).any():
            node = numpy.maximum(at, 0)
            value = numpy.take_along_axis(x, self.features[node], 1)
            holds = numpy.zeros(at.shape, bool)
            for number, compare in enumerate(BRANCHES.values()):
                holds |= (self.modes[node] == number) & compare(value, self.splits[node])
            for place, members in self.members.items():
                holds |= (node == place) & numpy.isin(value, members)
            holds = numpy.where(numpy.isnan(value) & self.tracks[node], True, holds)
            at = numpy.where(at < 0, at, numpy.where(holds, self.holds[node], self.fails[node]))
        return -1 - at


def summed(leaves: numpy.ndarray, values: numpy.ndarray, voting: numpy.ndarray, how: str) -> numpy.ndarray:
    """(samples, targets): what the leaves at which a sample arrives say together.

    values, voting  (leaves, targets): what a leaf says of each target, and whether it says anything
    """
    if how in ("SUM", "AVERAGE"):
        total = values[leaves].sum(1)
        return total / leaves.shape[1] if how == "AVERAGE" else total
    extremum, none = (numpy.min, numpy.inf) if how == "MIN" else (numpy.max, -numpy.inf)
    found = extremum(numpy.where(voting, values, none)[leaves], 1)
    return numpy.where(numpy.isinf(found), 0, found)


def _votes(
    leaf: Sequence[int], target: Sequence[int], weight: Any, shape: tuple[int, int]
) -> tuple[numpy.ndarray, numpy.ndarray]:
    values, voting = numpy.zeros(shape, numpy.asarray(weight).dtype), numpy.zeros(shape, bool)
    numpy.add.at(values, (leaf, target), weight)
    voting[leaf, target] = True
    return values, voting


@operator("TreeEnsemble", (5,), CLASSICAL)
def tree_ensemble(
    x: Numbers,
    *,
    tree_roots: Sequence[int],
    nodes_splits: numpy.ndarray,
    nodes_featureids: Sequence[int],
    nodes_modes: numpy.ndarray,
    nodes_truenodeids: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    nodes_trueleafs: Sequence[int],
    nodes_falseleafs: Sequence[int],
    leaf_targetids: Sequence[int],
    leaf_weights: numpy.ndarray,
    n_targets: int | None = None,
    aggregate_function: int = 1,
    post_transform: int = 0,
    membership_values: numpy.ndarray | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_hitrates: Any = None,
) -> Tensor:
    holds = numpy.where(numpy.array(nodes_trueleafs) != 0, -1 - numpy.array(nodes_truenodeids), nodes_truenodeids)
    fails = numpy.where(numpy.array(nodes_falseleafs) != 0, -1 - numpy.array(nodes_falsenodeids), nodes_falsenodeids)
    of_sets = numpy.flatnonzero(nodes_modes == NUMBER_OF_MEMBER)
    every = numpy.asarray([] if membership_values is None else membership_values)
    sets = numpy.split(every, numpy.flatnonzero(numpy.isnan(every)) + 1)
    trees = Trees(
        numpy.array(nodes_featureids),
        nodes_modes,
        nodes_splits,
        holds,
        fails,
        numpy.array(nodes_missing_value_tracks_true or numpy.zeros(len(holds))) != 0,
        dict(zip(of_sets.tolist(), sets, strict=False)),
        numpy.array(tree_roots),
    )
    targets = max(leaf_targetids) + 1 if n_targets is None else n_targets
    votes = _votes(range(len(leaf_targetids)), leaf_targetids, leaf_weights, (len(leaf_targetids), targets))
    found = summed(trees.leaves(x), *votes, AGGREGATIONS[aggregate_function])
    return transformed(as_tensor(found.astype(x.dtype)), TRANSFORMS[post_transform])


class _Nodes(NamedTuple):
    """Trees as they were written before version 5: all nodes in one list, leaves too, by the numbers of tree and node."""

    treeids: Sequence[int]
    nodeids: Sequence[int]
    featureids: Sequence[int]
    values: Any
    modes: Sequence[str]
    truenodeids: Sequence[int]
    falsenodeids: Sequence[int]
    tracks: Sequence[int] | None

    def places(self) -> dict[tuple[int, int], int]:
        return {each: place for place, each in enumerate(zip(self.treeids, self.nodeids, strict=True))}

    def trees(self) -> Trees:
        places, leaf = self.places(), [mode == "LEAF" for mode in self.modes]

        def led_to(ids: Sequence[int]) -> numpy.ndarray:
            found = [places.get(each, 0) for each in zip(self.treeids, ids, strict=True)]
            return numpy.array([-1 - place if leaf[place] else place for place in found])

        names = list(BRANCHES)
        first = [self.treeids.index(tree) for tree in dict.fromkeys(self.treeids)]
        return Trees(
            numpy.array(self.featureids),
            numpy.array([0 if end else names.index(mode) for mode, end in zip(self.modes, leaf, strict=True)]),
            numpy.asarray(self.values, numpy.float32 if isinstance(self.values, list) else None),
            led_to(self.truenodeids),
            led_to(self.falsenodeids),
            numpy.array(self.tracks or [0] * len(leaf)) != 0,
            {},
            numpy.array([-1 - place if leaf[place] else place for place in first]),
        )

    def scores(
        self,
        x: numpy.ndarray,
        tree: Sequence[int],
        node: Sequence[int],
        target: Sequence[int],
        weight: Any,
        *,
        targets: int,
        how: str,
    ) -> numpy.ndarray:
        places = self.places()
        leaves = [places[each] for each in zip(tree, node, strict=True)]
        weight = numpy.asarray(weight, numpy.float32 if isinstance(weight, list) else None)
        return summed(self.trees().leaves(x), *_votes(leaves, target, weight, (len(self.modes), targets)), how)


def _either(tensor: numpy.ndarray | None, listed: Any) -> Any:
    """Numbers of 64 bits arrive as a tensor, of 32 as a list."""
    return listed if tensor is None else tensor


@operator("TreeEnsembleRegressor", (1, 3), CLASSICAL)
def tree_ensemble_regressor(
    x: Numbers,
    *,
    nodes_treeids: Sequence[int],
    nodes_nodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_modes: Sequence[str],
    nodes_truenodeids: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    target_treeids: Sequence[int],
    target_nodeids: Sequence[int],
    target_ids: Sequence[int],
    nodes_values: Sequence[float] | None = None,
    nodes_values_as_tensor: numpy.ndarray | None = None,
    target_weights: Sequence[float] | None = None,
    target_weights_as_tensor: numpy.ndarray | None = None,
    base_values: Sequence[float] | None = None,
    base_values_as_tensor: numpy.ndarray | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_hitrates: Any = None,
    nodes_hitrates_as_tensor: Any = None,
    n_targets: int = 1,
    aggregate_function: str = "SUM",
    post_transform: str = "NONE",
) -> Tensor:
    nodes = _Nodes(
        nodes_treeids, nodes_nodeids, nodes_featureids, _either(nodes_values_as_tensor, nodes_values), nodes_modes,
        nodes_truenodeids, nodes_falsenodeids, nodes_missing_value_tracks_true,
    )  # fmt: skip
    weights = _either(target_weights_as_tensor, target_weights)
    found = nodes.scores(
        x, target_treeids, target_nodeids, target_ids, weights, targets=n_targets, how=aggregate_function
    )
    base = _either(base_values_as_tensor, base_values)
    found = found if base is None else found + numpy.asarray(base)
    return transformed(as_tensor(found.astype(numpy.float32)), post_transform)


@operator("TreeEnsembleClassifier", (1, 3), CLASSICAL)
def tree_ensemble_classifier(
    x: Numbers,
    *,
    nodes_treeids: Sequence[int],
    nodes_nodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_modes: Sequence[str],
    nodes_truenodeids: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    class_treeids: Sequence[int],
    class_nodeids: Sequence[int],
    class_ids: Sequence[int],
    nodes_values: Sequence[float] | None = None,
    nodes_values_as_tensor: numpy.ndarray | None = None,
    class_weights: Sequence[float] | None = None,
    class_weights_as_tensor: numpy.ndarray | None = None,
    classlabels_int64s: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
    base_values: Sequence[float] | None = None,
    base_values_as_tensor: numpy.ndarray | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_hitrates: Any = None,
    nodes_hitrates_as_tensor: Any = None,
    post_transform: str = "NONE",
) -> tuple[Any, Tensor]:
    """(labels, scores). Leaves that speak of one of two classes only say its score, or, if none is below 0, its probability."""
    nodes = _Nodes(
        nodes_treeids, nodes_nodeids, nodes_featureids, _either(nodes_values_as_tensor, nodes_values), nodes_modes,
        nodes_truenodeids, nodes_falsenodeids, nodes_missing_value_tracks_true,
    )  # fmt: skip
    classes = len(classlabels_strings or classlabels_int64s or ())
    weights = numpy.asarray(_either(class_weights_as_tensor, class_weights))
    alone = classes == 2 and len(set(class_ids)) == 1
    ids = [0] * len(class_ids) if alone else class_ids
    found = nodes.scores(x, class_treeids, class_nodeids, ids, weights, targets=1 if alone else classes, how="SUM")
    base = _either(base_values_as_tensor, base_values)
    found = found if base is None else found + numpy.asarray(base)
    if alone:
        other = 1 - found if (weights >= 0).all() and post_transform == "NONE" else -found
        found = numpy.concatenate([other, found], 1)
    scores = transformed(as_tensor(found.astype(numpy.float32)), post_transform)
    return labels_of(scores, classlabels_int64s, classlabels_strings), scores
