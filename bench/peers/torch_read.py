"""Writes the state dict of RetinaNet version 2 (arguments: file, zip or legacy), then loads it: one timed run for each line of input."""
import json
import sys
import time

import torch
import torchvision

file, container = sys.argv[1:]
torch.manual_seed(0)
state = torchvision.models.detection.retinanet_resnet50_fpn_v2(weights=None, weights_backbone=None).state_dict()
torch.save(state, file, _use_new_zipfile_serialization=container == "zip")
del state
print(json.dumps({"peer": f"torch {torch.__version__}"}), flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    state = torch.load(file, map_location="cpu", weights_only=True)
    ms = (time.perf_counter() - start) * 1000
    del state
    print(json.dumps({"ms": ms}), flush=True)
