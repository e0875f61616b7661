module deployx.dev/schemas/kubernetes/generator

go 1.24
