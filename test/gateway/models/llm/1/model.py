"""Says the words of its prompt backwards, a word a token, in the way of Triton's vLLM backend: what is asked for by the
inputs of its names is given, one JSON object has the rest, and without `stream` there is one answer."""

import json

import numpy as np
import triton_python_backend_utils as pb_utils

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def given(request, name, otherwise):
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return otherwise if tensor is None else tensor.as_numpy().flatten()[0]


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            try:
                for tensors in self.answers(request):
                    sender.send(pb_utils.InferenceResponse(tensors))
            except ValueError as error:
                sender.send(pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))))
            sender.send(flags=FINAL)

    def answers(self, request):
        prompt = given(request, "text_input", b"").decode("utf8")
        sampling = json.loads(given(request, "sampling_parameters", b"{}"))
        stream = bool(given(request, "stream", False))
        exclude = given(request, "exclude_input_in_output", None)
        if stream and exclude is not None and not exclude:
            raise ValueError("When streaming, exclude_input_in_output = False is not allowed")
        words = prompt.split()[::-1]
        said = words[: sampling.get("max_tokens", 16)]
        reason = "stop" if said == words else "length"
        prefix = "" if stream or exclude else prompt
        if not stream:
            yield self.tensors(request, prefix + " ".join(said), reason, len(words), len(said))
            return
        for at, word in enumerate(said):
            last = at == len(said) - 1
            yield self.tensors(request, word + ("" if last else " "), reason if last else "None", len(words), 1)

    def tensors(self, request, text, reason, asked, said):
        values = [("text_output", np.array([text.encode("utf8")], dtype=np.object_))]
        if given(request, "return_finish_reason", False):
            values.append(("finish_reason", np.array([reason], dtype=np.object_)))
        if given(request, "return_num_input_tokens", False):
            values.append(("num_input_tokens", np.array([asked], dtype=np.uint32)))
        if given(request, "return_num_output_tokens", False):
            values.append(("num_output_tokens", np.array([said], dtype=np.uint32)))
        return [pb_utils.Tensor(name, value) for name, value in values]
