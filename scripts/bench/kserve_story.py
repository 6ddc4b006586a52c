"""What a user would run instead of story.mjs: the same work in a transformer of KServe's SDK, tensors as JSON."""

import argparse

import numpy as np
from kserve import InferInput, InferRequest, Model, ModelServer, model_server

parser = argparse.ArgumentParser(parents=[model_server.parser])
args, _ = parser.parse_known_args()

PICTURE = np.sin(np.arange(224 * 224 * 3)).astype(np.float32).reshape(1, 224, 224, 3)


class Story(Model):
    def __init__(self, name):
        super().__init__(name)
        self.ready = True

    async def preprocess(self, payload, headers=None):
        image = (PICTURE - np.float32(0.5)) / np.float32(0.25)
        image.reshape(-1)[payload["instances"][0]] = 99
        tensor = InferInput("image", list(image.shape), "FP32")
        tensor.set_data_from_numpy(image, binary_data=False)
        return InferRequest(self.name, [tensor])

    async def postprocess(self, response, headers=None):
        return {"predictions": [int(response.outputs[0].as_numpy().argmax())]}


if __name__ == "__main__":
    ModelServer().start([Story(args.model_name)])
