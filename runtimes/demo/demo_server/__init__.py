"""A small transformer server whose weights are really split over machines.

The words used in this package:

block        one attention head together with its equal part of the MLP; the smallest unit of splitting
shard        a run of neighbouring blocks: their weights and their KV cache, and nothing else
group        all shards of one model, wherever they live; it answers with the sum of their partial results
coordinator  the one process that keeps the embeddings and the residual stream, drives the group and serves HTTP
member       one process of native mode; it holds `tensor_parallel_size / nnodes` shards
"""
