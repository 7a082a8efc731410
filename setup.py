"""Shim: maps cfg/, data/ and weights/registry.yaml into the package, so that any kind of install finds them."""

from setuptools import find_packages, setup

SHIPPED = {"yolo.shipped.cfg": ["*.cfg"], "yolo.shipped.data": ["*"], "yolo.shipped.weights": ["registry.yaml"]}

setup(
    packages=[*find_packages(include=["yolo", "yolo.*"]), *SHIPPED],
    package_dir={package: package.rpartition(".")[2] for package in SHIPPED},
    package_data={**SHIPPED, "yolo": ["py.typed"]},
)
