node_modules/
dist/
runs/
