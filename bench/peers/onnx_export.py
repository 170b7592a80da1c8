"""torchvision's own ONNX export: runs build.py in a folder, which makes `model`, and writes theirs.onnx beside it; arguments are the folder and the side of the image."""
import json
import os
import sys
import warnings

import torch
import torchvision

warnings.simplefilter("ignore")
folder, side = sys.argv[1], int(sys.argv[2])
os.chdir(folder)
variables = {}
exec(open("build.py").read(), variables)  # written by this benchmark
model = variables["model"].eval()
image = torch.rand(3, side, side)
with torch.inference_mode():
    names = list(model([image])[0])  # in their order
torch.onnx.export(model, ([image],), "theirs.onnx", opset_version=17, input_names=["images"], output_names=names)
print(json.dumps({"peer": f"torchvision {torchvision.__version__}, torch {torch.__version__}"}), flush=True)
