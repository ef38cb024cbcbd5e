"""The messages of the Open Inference Protocol's gRPC service, declared field by field.

Names, numbers and types are the protocol's (https://github.com/kserve/open-inference-protocol, version
2, ``grpc_predict_v2.proto``); classes are made of them when this module is imported, so that no
generated code is kept.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = ["METHODS", "SERVICE", "message"]

_PACKAGE: Final = "inference"
_FILE: Final = "streamer/open_inference.proto"
SERVICE: Final = f"{_PACKAGE}.GRPCInferenceService"
METHODS: Final = (
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
)
"""Each takes the message of its name with ``Request`` and returns the one with ``Response``."""

_Field = tuple[int, str]
_F: Final = descriptor_pb2.FieldDescriptorProto
_SCALARS: Final = {
    "bool": _F.TYPE_BOOL,
    "int32": _F.TYPE_INT32,
    "int64": _F.TYPE_INT64,
    "uint32": _F.TYPE_UINT32,
    "uint64": _F.TYPE_UINT64,
    "float": _F.TYPE_FLOAT,
    "double": _F.TYPE_DOUBLE,
    "string": _F.TYPE_STRING,
    "bytes": _F.TYPE_BYTES,
}
_LIST: Final = "repeated "
_MAP: Final = "map of "

# By message, and within another one as Outer.Inner: field, its number, and its type.
_TENSOR: Final[dict[str, _Field]] = {
    "name": (1, "string"),
    "datatype": (2, "string"),
    "shape": (3, "repeated int64"),
    "parameters": (4, "map of InferParameter"),
    "contents": (5, "InferTensorContents"),
}
_METADATA: Final[dict[str, _Field]] = {
    "name": (1, "string"),
    "datatype": (2, "string"),
    "shape": (3, "repeated int64"),
}
_NAMED: Final[dict[str, _Field]] = {"name": (1, "string"), "version": (2, "string")}
_READY: Final[dict[str, _Field]] = {"ready": (1, "bool")}
_MESSAGES: Final[dict[str, dict[str, _Field]]] = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live": (1, "bool")},
    "ServerReadyRequest": {},
    "ServerReadyResponse": _READY,
    "ModelReadyRequest": _NAMED,
    "ModelReadyResponse": _READY,
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": _NAMED | {"extensions": (3, "repeated string")},
    "ModelMetadataRequest": _NAMED,
    "ModelMetadataResponse": {
        "name": (1, "string"),
        "versions": (2, "repeated string"),
        "platform": (3, "string"),
        "inputs": (4, "repeated ModelMetadataResponse.TensorMetadata"),
        "outputs": (5, "repeated ModelMetadataResponse.TensorMetadata"),
    },
    "ModelMetadataResponse.TensorMetadata": _METADATA,
    "InferParameter": {
        "bool_param": (1, "bool"),
        "int64_param": (2, "int64"),
        "string_param": (3, "string"),
        "double_param": (4, "double"),
        "uint64_param": (5, "uint64"),
    },
    "InferTensorContents": {
        "bool_contents": (1, "repeated bool"),
        "int_contents": (2, "repeated int32"),
        "int64_contents": (3, "repeated int64"),
        "uint_contents": (4, "repeated uint32"),
        "uint64_contents": (5, "repeated uint64"),
        "fp32_contents": (6, "repeated float"),
        "fp64_contents": (7, "repeated double"),
        "bytes_contents": (8, "repeated bytes"),
    },
    "ModelInferRequest": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "parameters": (4, "map of InferParameter"),
        "inputs": (5, "repeated ModelInferRequest.InferInputTensor"),
        "outputs": (6, "repeated ModelInferRequest.InferRequestedOutputTensor"),
        "raw_input_contents": (7, "repeated bytes"),
    },
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": {
        "name": (1, "string"),
        "parameters": (2, "map of InferParameter"),
    },
    "ModelInferResponse": {
        "model_name": (1, "string"),
        "model_version": (2, "string"),
        "id": (3, "string"),
        "parameters": (4, "map of InferParameter"),
        "outputs": (5, "repeated ModelInferResponse.InferOutputTensor"),
        "raw_output_contents": (6, "repeated bytes"),
    },
    "ModelInferResponse.InferOutputTensor": _TENSOR,
}
_ONE_OF: Final = {"InferParameter": "parameter_choice"}


def message(name: str) -> Any:
    """Return the class of a message of the protocol."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name=_FILE, package=_PACKAGE, syntax="proto3")
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        nested = made[outer].nested_type if outer else file.message_type
        described = made[name] = nested.add(name=inner)
        if name in _ONE_OF:
            described.oneof_decl.add(name=_ONE_OF[name])
        for field, (number, kind) in fields.items():
            added = described.field.add(name=field, number=number, label=_F.LABEL_OPTIONAL)
            if name in _ONE_OF:
                added.oneof_index = 0
            if kind.startswith((_LIST, _MAP)):
                added.label = _F.LABEL_REPEATED
            if kind.startswith(_MAP):
                kind = _entry(described, name, field, kind.removeprefix(_MAP))
            _set_type(added, kind.removeprefix(_LIST))
    service = file.service.add(name=SERVICE.removeprefix(f"{_PACKAGE}."))
    for method in METHODS:
        types = {
            "input_type": f".{_PACKAGE}.{method}Request",
            "output_type": f".{_PACKAGE}.{method}Response",
        }
        service.method.add(name=method, **types)
    return file


def _entry(described: descriptor_pb2.DescriptorProto, name: str, field: str, kind: str) -> str:
    """Add the message that an entry of a map is, and return its name."""
    inner = f"{field.title().replace('_', '')}Entry"
    entry = described.nested_type.add(name=inner)
    entry.options.map_entry = True
    _set_type(entry.field.add(name="key", number=1, label=_F.LABEL_OPTIONAL), "string")
    _set_type(entry.field.add(name="value", number=2, label=_F.LABEL_OPTIONAL), kind)
    return f"{name}.{inner}"


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _F.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


# A pool of their own: a client in the same process has the same names in the default one.
POOL: Final = descriptor_pool.DescriptorPool()
POOL.Add(_file())
