"""Gives its input IN back as OUT. One of it stands for each datatype: see scripts/triton.ts."""

import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(pb_utils.get_input_tensor_by_name(request, "IN")) for request in requests]

    @staticmethod
    def answer(tensor):
        out = pb_utils.Tensor("OUT", tensor.as_numpy())
        return pb_utils.InferenceResponse(output_tensors=[out])
