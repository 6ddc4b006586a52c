"""Says the words of text_input again and again, max_tokens of them, one answer a word.

fail_at: an error instead of that answer. token_bytes: each word is filled up to so many bytes.
behind: goes on behind this index. trace: a file that is told how many answers were sent, and when the client had gone.
"""

import threading
import time

import numpy as np
import triton_python_backend_utils as pb_utils

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def given(request, name, otherwise):
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return otherwise if tensor is None else tensor.as_numpy().flatten()[0]


def say(path, words):
    if path:
        with open(path, "a", encoding="utf8") as file:
            file.write(f"{words}\n")


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            threading.Thread(target=self.generate, args=(request,), daemon=True).start()
        return None

    def generate(self, request):
        sender = request.get_response_sender()
        words = given(request, "text_input", b"").decode("utf8").split() or ["token"]
        fail_at = int(given(request, "fail_at", -1))
        delay = int(given(request, "delay_ms", 0)) / 1000
        width = int(given(request, "token_bytes", 0))
        trace = given(request, "trace", b"").decode("utf8")
        behind = int(given(request, "behind", -1))
        for index in range(behind + 1, int(given(request, "max_tokens", len(words)))):
            if request.is_cancelled():
                say(trace, f"cancelled at {index}")
                break
            if index == fail_at:
                error = pb_utils.TritonError(f"the model failed at {index}")
                sender.send(pb_utils.InferenceResponse(error=error))
                break
            word = words[index % len(words)].ljust(width, ".")
            text = pb_utils.Tensor("text_output", np.array([word.encode("utf8")], dtype=np.object_))
            place = pb_utils.Tensor("index", np.array([index], dtype=np.int32))
            sender.send(pb_utils.InferenceResponse([text, place]))
            say(trace, f"sent {index}")
            time.sleep(delay)
        sender.send(flags=FINAL)
