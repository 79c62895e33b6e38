"""What stands behind `nn.`, `F.`, `init.`, and what modules can do. How the columns are read: `__init__.py`."""

NETWORKS = """
F.relu(input, inplace=False)                       F.relu(input)
F.relu_(input)                                     F.relu(input)
F.leaky_relu_(input, negative_slope=0.01)          F.leaky_relu(input, negative_slope=negative_slope)
F.elu_(input, alpha=1.0)                           F.elu(input, alpha=alpha)
F.celu_(input, alpha=1.0)                          F.celu(input, alpha=alpha)
F.selu_(input)                                     F.selu(input)
F.hardtanh_(input, min_val=-1.0, max_val=1.0)      F.hardtanh(input, min_val=min_val, max_val=max_val)
F.threshold_(input, threshold, value)              F.threshold(input, threshold, value)
F.softmax(input, dim=None, dtype=None)             F.softmax(input, dim=dim)
F.log_softmax(input, dim=None, dtype=None)         F.log_softmax(input, dim=dim)
F.multi_head_attention_forward(query, key, value)  -                              nn.MultiheadAttention, or F.scaled_dot_product_attention
F.upsample(input, size=None, scale_factor=None, mode='nearest')  F.interpolate(input, size=size, scale_factor=scale_factor, mode=mode)
F.upsample_nearest(input, size=None, scale_factor=None)  F.interpolate(input, size=size, scale_factor=scale_factor)
F.upsample_bilinear(input, size=None, scale_factor=None)  F.interpolate(input, size=size, scale_factor=scale_factor, mode='bilinear', align_corners=True)
F.linear_cross_entropy(input, weight, target)      F.cross_entropy(F.linear(input, weight), target)
F.max_pool1d_with_indices(input, kernel_size)      F.max_pool1d(input, kernel_size, return_indices=True)
F.max_pool2d_with_indices(input, kernel_size)      F.max_pool2d(input, kernel_size, return_indices=True)
F.fractional_max_pool2d(input, kernel_size)        F.max_pool2d(input, kernel_size)   fractional pooling is not here
F.conv_tbc(input, weight, bias)                    -                              F.conv1d takes batches first

nn.Embedding(num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False)  nn.Embedding(num_embeddings, embedding_dim, padding_idx=padding_idx)  gradients are dense, and rows of any norm
nn.LazyLinear(out_features)                        nn.Linear(in_features, out_features)          sizes are given here
nn.LazyConv2d(out_channels, kernel_size)           nn.Conv2d(in_channels, out_channels, kernel_size)   sizes are given here
nn.LazyBatchNorm2d()                               nn.BatchNorm2d(num_features)                  sizes are given here
nn.SyncBatchNorm(num_features)                     nn.BatchNorm2d(num_features)                  tg.distributed.DataParallel lets it take the batches of all processes
nn.DataParallel(module)                            tg.distributed.DataParallel(module)           one process trains for each device
nn.parallel                                        -                                             tg.distributed.DataParallel(module)
nn.AdaptiveLogSoftmaxWithLoss(in_features, n_classes, cutoffs)  -                                a nn.Linear(in_features, n_classes) and nn.CrossEntropyLoss()
nn.FractionalMaxPool2d(kernel_size)                nn.MaxPool2d(kernel_size)                     fractional pooling is not here
nn.NLLLoss2d()                                     nn.NLLLoss()
nn.CrossMapLRN2d(size)                             nn.LocalResponseNorm(size)
nn.Buffer(data)                                    -                                             written in __init__: self.register_buffer('name', data)
nn.Container()                                     nn.Module()
nn.quantized                                       -                                             quantisation is not here
nn.MSELoss(size_average, reduce=None)              nn.MSELoss()                                  reduction='mean', 'sum' or 'none' says it
nn.CrossEntropyLoss(weight=None, size_average=None, ignore_index=-100, reduce=None)  nn.CrossEntropyLoss(weight=weight, ignore_index=ignore_index)  reduction='mean', 'sum' or 'none' says it

init.kaiming_normal(tensor)                        init.kaiming_normal_(tensor)
init.kaiming_uniform(tensor)                       init.kaiming_uniform_(tensor)
init.xavier_normal(tensor, gain=1.0)               init.xavier_normal_(tensor, gain=gain)
init.xavier_uniform(tensor, gain=1.0)              init.xavier_uniform_(tensor, gain=gain)
init.normal(tensor, mean=0.0, std=1.0)             init.normal_(tensor, mean=mean, std=std)
init.uniform(tensor, a=0.0, b=1.0)                 init.uniform_(tensor, a=a, b=b)
init.constant(tensor, val)                         init.constant_(tensor, val)
init.orthogonal(tensor, gain=1)                    init.orthogonal_(tensor, gain=gain)
init.eye(tensor)                                   init.eye_(tensor)
init.sparse_(tensor, sparsity, std=0.01)           init.normal_(tensor, std=std)                 and set what is to be 0
init.dirac_(tensor, groups=1)                      -                                             tensor.assign(...) sets what it is to hold

utils.clip_grad_norm(parameters, max_norm)         utils.clip_grad_norm_(parameters, max_norm)
utils.remove_weight_norm(module)                   -                                             see nn.utils.parametrizations

model.cuda(device=None)                            model.to('gpu')
model.cpu()                                        model.to('cpu')
model.float()                                      model.to(dtype='float32')
model.double()                                     model.to(dtype='float64')
model.half()                                       model.to(dtype='float16')
model.bfloat16()                                   model.to(dtype='float16')                     bfloat16 is not here, and float16 has a smaller range
model.type(dst_type)                               model.to(dtype=dst_type)
model.compile()                                    -                                             tg.compile(step) compiles a training step, or any function that calls the model
model.share_memory()                               model                                         there is nothing to share
model.get_parameter(target)                        dict(model.named_parameters())[target]
model.get_buffer(target)                           dict(model.named_buffers())[target]
model.get_submodule(target)                        dict(model.named_modules())[target]
model.register_forward_pre_hook(hook)              -                                             change what goes in inside of forward()
model.register_full_backward_hook(hook)            -                                             a tensor takes hooks: y.register_hook(hook)
model.register_backward_hook(hook)                 -                                             a tensor takes hooks: y.register_hook(hook)
"""
