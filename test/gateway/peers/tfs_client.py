"""A client of TensorFlow Serving by TensorFlow's own functions. It prints one JSON object: what each question came to."""
import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

scene, port = sys.argv[1], sys.argv[2]
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
models = model_service_pb2_grpc.ModelServiceStub(channel)
TIMEOUT = 120
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
TEXTS = np.array([[b"\xff\x00", b""], ["ä".encode(), b"x" * 300]], dtype=object)


def array_of(name, rows):
    if name == "string":
        return TEXTS[:rows]
    if name == "bool":
        return np.array([[True, False]] * rows, dtype=bool).reshape(rows, 2)
    values = np.array([[1, 100], [0, 7]][:rows], dtype=name).reshape(rows, 2)
    return values


def predict(model, key, proto, signature=""):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs[key].CopyFrom(proto)
    return prediction.Predict(request, timeout=TIMEOUT)


def told(work):
    """True, or what is wrong."""
    try:
        return work()
    except grpc.RpcError as error:
        return f"{error.code().name}: {error.details()}"


def same(response, key, want):
    got = tf.make_ndarray(response.outputs[key])
    equal = got.shape == want.shape and got.dtype == want.dtype and got.tobytes() == want.tobytes()
    if want.dtype == object:
        equal = got.shape == want.shape and got.tolist() == want.tolist()
    return bool(equal) or f"{got!r} is not {want!r}"


def echoed(model, keys, name, rows=2, signature=""):
    want = array_of(name, rows)
    proto = tf.make_tensor_proto(want)
    return told(lambda: same(predict(model, keys[0], proto, signature), keys[1], want))


def listed(model, keys):
    """One value for all, as make_tensor_proto writes constants."""
    proto = tf.make_tensor_proto(7, dtype=tf.int32, shape=[2, 3])
    return told(lambda: same(predict(model, keys[0], proto), keys[1], np.full([2, 3], 7, np.int32)))


def triton():
    keys = ["IN", "OUT"]
    triton_name = {"string": "bytes", **{name: name.replace("float", "fp") for name in NUMBERS}}
    names = [*NUMBERS, "bool", "string"]
    return {
        **{name: echoed(f"echo_{triton_name.get(name, name)}", keys, name) for name in names},
        "empty": echoed("echo_fp32", keys, "float32", rows=0),
        "one value": listed("echo_int32", keys),
        "unknown": told(lambda: predict("nope", "IN", tf.make_tensor_proto([1.0]))),
        "misnamed": told(lambda: predict("echo_fp32", "x", tf.make_tensor_proto([[1.0]]))),
        "complex": told(lambda: predict("echo_fp32", "IN", tf.make_tensor_proto([1j]))),
        "classify": told(lambda: classify("echo_fp32")),
        "status": patient(lambda: status("echo_fp32")),
        "metadata": patient(lambda: metadata("echo_fp32")),
    }


def classify(model):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = model
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[0.5]))
    example = tf.train.Example(features=tf.train.Features(feature={"x": feature}))
    request.input.example_list.examples.append(example)
    answer = prediction.Classify(request, timeout=TIMEOUT)
    return [[each.label, each.score] for each in answer.result.classifications[0].classes]


def patient(look):
    """A look has seconds, which a busy machine may not have: until it is answered."""
    until = time.monotonic() + TIMEOUT
    while True:
        try:
            told = look()
        except grpc.RpcError as error:
            told = f"{error.code().name}: {error.details()}"
        else:
            if told is not None:
                return told
        if time.monotonic() > until:
            return told
        time.sleep(0.2)


def status(model):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    answer = models.GetModelStatus(request, timeout=TIMEOUT)
    versions = [[each.version, each.state, each.status.error_message] for each in answer.model_version_status]
    return versions if versions[0][1] == AVAILABLE else None


def metadata(model):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    answer = prediction.GetModelMetadata(request, timeout=TIMEOUT)
    known = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(known)
    signature = known.signature_def["serving_default"]
    return {
        key: [tf.dtypes.as_dtype(info.dtype).name, [dim.size for dim in info.tensor_shape.dim]]
        for key, info in {**signature.inputs, **signature.outputs}.items()
    }


def serving():
    keys = ["x", "y"]
    return {
        **{name: echoed("echo", keys, name, signature=f"echo_{name}") for name in [*NUMBERS, "bool", "string"]},
        "complex": told(
            lambda: same(
                predict("echo", "x", tf.make_tensor_proto(np.array([1j, 2j], np.complex64)), "echo_complex64"),
                "y",
                np.array([1j, 2j], np.complex64),
            )
        ),
        "unknown": told(lambda: predict("nope", "x", tf.make_tensor_proto([1.0]))),
        "signature": told(lambda: predict("echo", "x", tf.make_tensor_proto([1.0]), "nope")),
        "classify": told(lambda: classify("echo")),
        "status": patient(lambda: status("echo")),
        "metadata": patient(lambda: metadata("half_plus_two")),
    }


print(json.dumps({"triton": triton, "serving": serving}[scene]()))
