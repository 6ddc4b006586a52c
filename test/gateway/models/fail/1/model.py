"""Fails each request: by raising when IN is 1, else by an error as its answer."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(pb_utils.get_input_tensor_by_name(request, "IN").as_numpy()[0]) for request in requests]

    @staticmethod
    def answer(how):
        if how == 1:
            raise ValueError("the model raised")
        return pb_utils.InferenceResponse(error=pb_utils.TritonError("the model said no"))
