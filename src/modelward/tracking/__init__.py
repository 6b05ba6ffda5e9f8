"""From a training script to the registry: what the script would forget is recorded, and its model is made servable.

- `run`: a training run, what it was told and what it noticed by itself; `register` ends it in a version;
- `surroundings`: the packages, the machine and the SageMaker job around a run;
- `digests`: what the bytes of a dataset are;
- `flavours`: the frameworks whose models are known, each with a way to write a model and the `code` that loads it;
- `packing`: model, code, schema and requirements in one archive; equal contents give equal bytes;
- `rehearsal`: the archive answers the sample in a process of its own, or it is not registered.

A framework is never imported to find out whose model it is: the names of its class's modules tell. Files in `code` are
not run here. They are copied into archives, and so keep to what the Pythons of SageMaker's containers know (3.8).
"""
