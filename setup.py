"""Shim: maps cfg/ and data/ into the package, so that they are found by name after any kind of install."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["yolo", "yolo.*"]), "yolo.shipped.cfg", "yolo.shipped.data"],
    package_dir={"yolo.shipped.cfg": "cfg", "yolo.shipped.data": "data"},
    package_data={"yolo.shipped.cfg": ["*.cfg"], "yolo.shipped.data": ["*"], "yolo": ["py.typed"]},
)
