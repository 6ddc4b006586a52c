"""What test/gateway/models are to Triton, to KServe's own server: echoes, and one that fails. Its arguments are KServe's."""

from kserve import InferOutput, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput


class Echo(Model):
    def __init__(self, name):
        super().__init__(name)
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        if isinstance(payload, dict):
            return {"predictions": payload["instances"]}
        raw = self.name == "echo_bytes"  # else as typed lists: both are answered in the wild
        outputs = []
        for each in payload.inputs:
            output = InferOutput(name="OUT", shape=list(each.shape), datatype=each.datatype)
            output.set_data_from_numpy(each.as_numpy(), binary_data=raw)
            outputs.append(output)
        return InferResponse(response_id=payload.id, model_name=self.name, infer_outputs=outputs)


class Fail(Echo):
    def predict(self, payload, headers=None, response_headers=None):
        rows = payload["instances"] if isinstance(payload, dict) else payload.inputs[0].as_numpy().tolist()
        how = rows[0][0] if isinstance(rows[0], list) else rows[0]
        if how == 1:
            raise ValueError("the model raised")
        raise InvalidInput("the model said no")


if __name__ == "__main__":
    names = ["echo_fp32", "echo_int64", "echo_bytes"]
    ModelServer().start([*(Echo(name) for name in names), Fail("fail")])
