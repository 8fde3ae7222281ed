"""eqsat: an equality-saturation superoptimizer for WebAssembly."""

# pytest loads this file once by path, outside the package: no relative import may run here.
__version__ = "0.1.0"
