"""What TensorFlow Serving says over gRPC, said by TensorFlow itself: real SavedModels, its own make_tensor_proto and make_ndarray.

Versions of `echo` differ in how they answer: 1 with tensor_content, 2 with typed lists, as TensorFlow Serving does by default.
"""
import argparse
import os
import tempfile
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.any_pb2 import Any
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import tensor_util
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

DTYPES = [
    tf.float32, tf.float64, tf.float16, tf.bfloat16, tf.int8, tf.int16, tf.int32, tf.int64,
    tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.bool, tf.string, tf.complex64,
]  # fmt: skip
LABELS = {"stable": 1, "lists": 2}


def half_plus_two(x):
    return {"y": x / 2 + 2}


def echo_of(dtype):
    @tf.function(input_signature=[tf.TensorSpec(None, dtype, name="x")])
    def echo(x):
        return {"y": tf.identity(x)}

    return echo


def save(directory, signatures):
    module = tf.Module()
    for name, function in signatures.items():
        setattr(module, name, function)
    tf.saved_model.save(module, directory, signatures=signatures)
    saved = SavedModel()
    with open(os.path.join(directory, "saved_model.pb"), "rb") as file:
        saved.ParseFromString(file.read())
    return tf.saved_model.load(directory), saved.meta_graphs[0].signature_def


def load(at):
    half = tf.function(half_plus_two, input_signature=[tf.TensorSpec([None], tf.float32, name="x")], autograph=False)
    image = echo_of(tf.float32)
    echoes = {"serving_default": echo_of(tf.float32), **{f"echo_{d.name}": echo_of(d) for d in DTYPES}}
    return {
        "half_plus_two": save(os.path.join(at, "half"), {"serving_default": half}),
        "echo": save(os.path.join(at, "echo"), echoes),
        "constant": save(os.path.join(at, "constant"), {"serving_default": image}),
        "size": save(os.path.join(at, "size"), {"serving_default": image}),
    }


def as_lists(value):
    """As Tensor::AsProtoField of C++ writes it, by TensorFlow's own functions for it."""
    array = np.array(value.numpy(), dtype=object if value.dtype == tf.string else None)
    proto = tf.make_tensor_proto(array, dtype=value.dtype, shape=array.shape)
    if not proto.tensor_content:
        return proto
    proto.ClearField("tensor_content")
    tensor_util.GetNumpyAppendFn(array.dtype)(proto, array.ravel())
    return proto


def as_content(value):
    return tf.make_tensor_proto(value.numpy(), dtype=value.dtype, shape=value.shape)


class Oracle(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self.models = models

    def find(self, spec, context):
        if not spec.name:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
        model = self.models.get(spec.name)
        version = spec.version.value if spec.HasField("version") else LABELS.get(spec.version_label, 1)
        wanted = f"Specific({spec.name}, {version})" if spec.HasField("version") else f"Latest({spec.name})"
        if model is None or version not in (1, 2):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        return model, version

    def Predict(self, request, context):
        (loaded, signatures), version = self.find(request.model_spec, context)
        name = request.model_spec.signature_name or "serving_default"
        if name not in signatures:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f'Serving signature key "{name}" not found.')
        given = {key: tf.constant(tf.make_ndarray(proto)) for key, proto in request.inputs.items()}
        if set(given) != set(signatures[name].inputs):
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"input size does not match signature: {len(given)}!={len(signatures[name].inputs)}",
            )
        try:
            outputs = loaded.signatures[name](**given)
        except Exception as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error)[:200])
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        response.model_spec.signature_name = name
        for key, value in outputs.items():
            if request.output_filter and key not in request.output_filter:
                continue
            response.outputs[key].CopyFrom(as_lists(value) if version == 2 else as_content(value))
        if request.model_spec.name == "constant":
            response.outputs["y"].CopyFrom(tf.make_tensor_proto(7.5, shape=[2, 3]))
        if request.model_spec.name == "size":
            own = predict_pb2.PredictRequest()
            own.model_spec.name = "size"
            own.inputs["x"].CopyFrom(as_content(given["x"]))
            response.outputs["y"].CopyFrom(tf.make_tensor_proto([request.ByteSize(), own.ByteSize()], dtype=tf.int64))
        return response

    def Classify(self, request, context):
        self.find(request.model_spec, context)
        response = classification_pb2.ClassificationResponse()
        for example in request.input.example_list.examples:
            score = example.features.feature["x"].float_list.value[0]
            response.result.classifications.add().classes.add(label="cat", score=score)
        return response

    def GetModelMetadata(self, request, context):
        (_, signatures), version = self.find(request.model_spec, context)
        known = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in signatures.items():
            known.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = version
        packed = Any()
        packed.Pack(known)
        response.metadata["signature_def"].CopyFrom(packed)
        return response

    def GetModelStatus(self, request, context):
        _, version = self.find(request.model_spec, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=version, state="AVAILABLE").status.error_code = 0
        return response


class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc_port", type=int)
    parser.add_argument("--http_port", type=int)
    ports = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        oracle = Oracle(load(directory))
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(4), options=unlimited)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(oracle, server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(oracle, server)
    server.add_insecure_port(f"127.0.0.1:{ports.grpc_port}")
    server.start()
    threading.Thread(target=HTTPServer(("127.0.0.1", ports.http_port), Ready).serve_forever, daemon=True).start()
    server.wait_for_termination()


main()
