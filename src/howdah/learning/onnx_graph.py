"""One spelling for one computation: an ONNX graph renamed and ordered by what it computes.

Converters name tensors by counters that run on from whatever the process converted before,
and order nodes by chance of hashing, so that the same weights become other bytes each time.
Here each tensor is known by a hash of the operation and the tensors that made it, down to the
inputs and constants. Nodes stand in the order of those hashes, as far as their inputs allow;
nodes that compute the same become one; names are numbers in that order. Two graphs of the
same operations on the same constants are then the same bytes, and answer the same.
"""

import heapq
from collections.abc import Iterable

import onnx
from blake3 import blake3

from howdah.errors import Invalid

Keys = dict[str, bytes]


def canonical(model: onnx.ModelProto) -> onnx.ModelProto:
    """A new model; inputs and outputs keep their names. Invalid where nodes hold graphs of their own."""
    graph = model.graph
    keys: Keys = {"": b"", **{each.name: _digest(b"input", each.name.encode()) for each in graph.input}}
    constants = {each.name: _bare(each) for each in graph.initializer}
    keys |= {name: _digest(b"constant", each.SerializeToString()) for name, each in constants.items()}
    by_key = {keys[name]: each for name, each in constants.items()}

    nodes: dict[bytes, onnx.NodeProto] = {}
    for node in graph.node:
        key = _node_key(node, keys)
        keys |= {name: _digest(key, str(place).encode()) for place, name in enumerate(node.output) if name}
        nodes.setdefault(key, node)

    names: dict[bytes, str] = {keys[each.name]: each.name for each in (*graph.input, *graph.output)}
    if len(names) < len(graph.input) + len(graph.output):
        raise Invalid("the graph gives one tensor out under two names: it has no one spelling")
    made = onnx.ModelProto()
    made.CopyFrom(model)
    order_operator_sets(made)
    made.doc_string = ""
    made.graph.ClearField("node")
    made.graph.ClearField("initializer")
    made.graph.ClearField("value_info")
    made.graph.name, made.graph.doc_string = "model", ""
    _name_sizes(made.graph)
    for key in _ordered(nodes, keys):
        node = nodes[key]
        for each in (keys[name] for name in node.input if name):
            if each in by_key and each not in names:
                names[each] = f"constant_{len(made.graph.initializer)}"
                made.graph.initializer.append(by_key[each])
                made.graph.initializer[-1].name = names[each]
        place = len(made.graph.node)
        for at, name in enumerate(node.output):
            names.setdefault(keys[name], f"tensor_{place}_{at}" if name else "")
        made.graph.node.append(_renamed(node, place, keys, names))
    return made


def order_operator_sets(model: onnx.ModelProto) -> None:
    """By name: converters collect them in a set, whose order is chance."""
    ordered = sorted(model.opset_import, key=lambda each: each.domain)
    del model.opset_import[:]
    model.opset_import.extend(ordered)


def _name_sizes(graph: onnx.GraphProto) -> None:
    """Sizes that are left open have names too, by the same counters."""
    names: dict[str, str] = {}
    for each in (*graph.input, *graph.output):
        for size in each.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = names.setdefault(size.dim_param, f"size_{len(names)}")


def _ordered(nodes: dict[bytes, onnx.NodeProto], keys: Keys) -> Iterable[bytes]:
    """The nodes' keys, each after those it needs, the smaller key first."""
    makers = {keys[name]: key for key, node in nodes.items() for name in node.output if name}
    needs = {
        key: {makers[keys[name]] for name in node.input if keys[name] in makers}
        for key, node in nodes.items()
    }
    users: dict[bytes, list[bytes]] = {key: [] for key in nodes}
    for key, needed in needs.items():
        for each in needed:
            users[each].append(key)
    ready = [key for key, needed in needs.items() if not needed]
    heapq.heapify(ready)
    while ready:
        key = heapq.heappop(ready)
        yield key
        for user in users[key]:
            needs[user].discard(key)
            if not needs[user]:
                heapq.heappush(ready, user)


def _node_key(node: onnx.NodeProto, keys: Keys) -> bytes:
    attributes = sorted(_attribute(each) for each in node.attribute)
    kind = f"{node.domain}/{node.op_type}/{len(node.output)}".encode()
    return _digest(kind, *(keys[name] for name in node.input), b"attributes", *attributes)


def _attribute(attribute: onnx.AttributeProto) -> bytes:
    if attribute.HasField("g") or attribute.graphs:
        raise Invalid(f"attribute {attribute.name} holds a graph of its own, which has no one spelling here")
    return _plain(attribute).SerializeToString(deterministic=True)


def _plain(attribute: onnx.AttributeProto) -> onnx.AttributeProto:
    plain = onnx.AttributeProto()
    plain.CopyFrom(attribute)
    plain.doc_string = ""
    if plain.HasField("t"):
        plain.t.name = ""
    return plain


def _bare(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The same numbers in the same spelling, without a name."""
    return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor))


def _renamed(node: onnx.NodeProto, place: int, keys: Keys, names: dict[bytes, str]) -> onnx.NodeProto:
    made = onnx.NodeProto(op_type=node.op_type, domain=node.domain, name=f"node_{place}")
    made.input.extend(names[keys[name]] if name else "" for name in node.input)
    made.output.extend(names[keys[name]] if name else "" for name in node.output)
    made.attribute.extend(_plain(each) for each in sorted(node.attribute, key=lambda each: each.name))
    return made


def _digest(*parts: bytes) -> bytes:
    hasher = blake3()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little") + part)
    return bytes(hasher.digest())
