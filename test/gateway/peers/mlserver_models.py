"""What test/gateway/models are to Triton, to MLServer: an echo, one that fails, one that answers word by word."""

from mlserver import MLModel
from mlserver.errors import MLServerError
from mlserver.types import InferenceResponse, ResponseOutput


class Echo(MLModel):
    async def predict(self, payload):
        outputs = [
            ResponseOutput(name="OUT", shape=each.shape, datatype=each.datatype, data=each.data)
            for each in payload.inputs
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=outputs)


class Fail(MLModel):
    async def predict(self, payload):
        if payload.inputs[0].data[0] == 1:
            raise ValueError("the model raised")
        raise MLServerError("the model said no", 422)


class Gen(MLModel):
    """Says the words of its one input, one answer a word; the word `fail` ends it."""

    async def predict_stream(self, payloads):
        async for payload in payloads:
            text = payload.inputs[0].data[0]
            words = (text.decode() if isinstance(text, bytes) else text).split()
            for index, word in enumerate(words):
                if word == "fail":
                    raise ValueError(f"the model failed at {index}")
                yield InferenceResponse(
                    id=payload.id,
                    model_name=self.name,
                    outputs=[
                        ResponseOutput(name="text_output", shape=[1], datatype="BYTES", data=[word]),
                        ResponseOutput(name="index", shape=[1], datatype="INT32", data=[index]),
                    ],
                )
