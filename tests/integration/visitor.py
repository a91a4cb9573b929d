# SPDX-License-Identifier: Apache-2.0
"""Somebody who sends requests to the server of `harmonize serve`, and the plain networks it lends in tests."""

import http.client
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import onnx
from onnx import TensorProto, helper

from harmonize_core.runtime.look import MAP, Look


def brightness(composite, mask):
    """A look that brings the foreground to the brightness of its background, and is warmer on the left."""
    inside, outside = (composite[m].mean() for m in (mask > 0.5, mask <= 0.5))
    grade = np.zeros(10, np.float32)
    grade[0] = np.clip(np.log2((outside + 0.05) / (inside + 0.05)), -2, 2)
    cells = np.zeros((MAP, 1, 2), np.float32)
    cells[3, 0, 0] = 0.2
    return Look(grade, cells)


class Visitor:
    """Somebody who sends requests to a server."""

    def __init__(self, server):
        self.server, self.address = server, server.server_address[:2]
        self.host = f"127.0.0.1:{self.address[1]}"

    def send(self, method, path, body=None, **headers):
        """Status, headers and body of the answer; headers of the owner's page unless others are given."""
        sent = {"Host": self.host, "X-Token": self.server.guard.token, "Sec-Fetch-Site": "same-origin"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        link = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            if data is not None:
                sent.setdefault("Content-Length", str(len(data)))
            for name, value in sent.items():
                if value is not None:
                    link.putheader(name, value)
            link.endheaders(data)
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def ask(self, method, path, body=None):
        """The facts in an answer that must be good."""
        status, _, data = self.send(method, path, body)
        assert status == 200, data
        return json.loads(data)

    def refusal(self, method, path, body=None, **headers):
        """Status and sentence of an answer that must be bad; no path of this machine is in it."""
        status, _, data = self.send(method, path, body, **headers)
        words = json.loads(data)["error"]
        assert status >= 400
        assert str(self.server.desk.folder) not in words
        assert "/tmp" not in words
        assert "--" not in words
        return status, words

    def upload(self, file, name=None, role="picture"):
        return self.ask(
            "POST", f"/api/upload?role={role}&name={quote(name or Path(file).name)}", Path(file).read_bytes()
        )

    def result(self, shot, controls=None):
        status, headers, data = self.send("POST", f"/api/result?shot={shot}", {"controls": controls or {}})
        assert status == 200, data
        return headers["Content-Disposition"], data


def constant_look(path):
    """An ONNX file of the look contract that always says half a stop."""
    grade = np.zeros((1, 10), np.float32)
    grade[0, 0] = 0.5
    values = {"grade": grade, "map": np.zeros((1, MAP, 2, 2), np.float32)}
    nodes = [
        helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(value))
        for name, value in values.items()
    ]
    inputs = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, 64, 64]) for n, c in (("composite", 3), ("mask", 1))
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in values.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "constant", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 9
    facts = {
        "format": "harmonize-look/1",
        "name": "constant",
        "licence": "CC0-1.0",
        "source": "a test",
        "input_size": "64",
    }
    helper.set_model_props(model, facts)
    onnx.save(model, path)
