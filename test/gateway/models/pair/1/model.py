"""Gives both of its inputs back."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    @staticmethod
    def answer(request):
        inputs = (pb_utils.get_input_tensor_by_name(request, name) for name in ("A", "B"))
        return pb_utils.InferenceResponse([pb_utils.Tensor(each.name(), each.as_numpy()) for each in inputs])
