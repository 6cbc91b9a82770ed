"""LitServe with batches around a model: python litserve_server.py NAME FOLDER PORT"""

import sys
from pathlib import Path

import litserve
import numpy
from models import load


class Model(litserve.LitAPI):
    def setup(self, device):
        self.predict_rows = load(sys.argv[1], Path(sys.argv[2]))

    def decode_request(self, request):
        return numpy.array(request["inputs"], dtype="float32")

    def batch(self, inputs):
        return numpy.concatenate(inputs)

    def predict(self, rows):
        return self.predict_rows(rows)

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        return {"predictions": [output]}


if __name__ == "__main__":
    api = Model(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[3]), num_api_servers=1, generate_client_file=False, log_level="warning")
