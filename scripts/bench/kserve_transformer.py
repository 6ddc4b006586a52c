"""What a user would run instead: a transformer of KServe's SDK that changes nothing. Its arguments are KServe's."""

import argparse

from kserve import Model, ModelServer, model_server

parser = argparse.ArgumentParser(parents=[model_server.parser])
args, _ = parser.parse_known_args()


class PassThrough(Model):
    def __init__(self, name):
        super().__init__(name)
        self.ready = True


if __name__ == "__main__":
    ModelServer().start([PassThrough(args.model_name)])
