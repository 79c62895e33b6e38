"""Optimisers, data, files, devices, and what else a training script uses. How the columns are read: `__init__.py`."""

TRAINING = """
torch.save(obj, f)                                 tg.save(f, obj)
torch.load(f, map_location=None, weights_only=True)  tg.load(f, device=map_location)
torch.utils.data.DataLoader(dataset)               tg.data.DataLoader(dataset)
torch.autograd.Variable(data, requires_grad=False)  tg.tensor(data, requires_grad=requires_grad)

optim.SparseAdam(params, lr=0.001)                 optim.Adam(params, lr=lr)                     gradients are dense
optim.swa_utils                                    -                                             averages of weights: see optim
lr_scheduler.StepLR(optimizer, step_size, gamma=0.1, last_epoch=-1, verbose=False)  lr_scheduler.StepLR(optimizer, step_size, gamma=gamma, last_epoch=last_epoch)
lr_scheduler.ReduceLROnPlateau(optimizer, mode='min', factor=0.1, patience=10, verbose=False)  lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, factor=factor, patience=patience)

data.DataLoader(dataset, batch_size=1, shuffle=False, sampler=None, num_workers=0, collate_fn=None, drop_last=False)  data.DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, sampler=sampler, collate_fn=collate_fn, drop_last=drop_last)  there are no workers and nothing to pin: what can be gathered at once is
data.IterableDataset                               -                                             a data set has __len__ and __getitem__ here; a generator of batches needs no loader
data.ConcatDataset(datasets)                       -                                             data.TensorDataset of tg.concat(...), or a Dataset of your own
data.ChainDataset(datasets)                        -                                             itertools.chain(*loaders)
data.StackDataset(*datasets)                       -                                             data.TensorDataset(*tensors)
data.RandomSampler(data_source)                    -                                             data.DataLoader(dataset, shuffle=True)
data.SequentialSampler(data_source)                -                                             data.DataLoader(dataset)
data.SubsetRandomSampler(indices)                  -                                             data.DataLoader(data.Subset(dataset, indices), shuffle=True)
data.WeightedRandomSampler(weights, num_samples)   -                                             data.Subset(dataset, indices) with the indices drawn
data.BatchSampler(sampler, batch_size)             -                                             data.DataLoader(dataset, batch_size=n)
data.Sampler                                       -                                             data.DataLoader(dataset, shuffle=True), or data.Subset(dataset, indices)
data.DistributedSampler(dataset)                   tg.distributed.Sampler(dataset)               it counts epochs itself
data.get_worker_info()                             None                                          there are no workers
data.default_convert(data)                         tg.tensor(data)

cuda.is_available()                                tg.gpu_available()
cuda.device_count()                                int(tg.gpu_available())
cuda.manual_seed(seed)                             tg.manual_seed(seed)
cuda.manual_seed_all(seed)                         tg.manual_seed(seed)
cuda.synchronize()                                 -                                             x.numpy() waits for x
cuda.empty_cache()                                 -                                             nothing to do
cuda.current_device()                              tg.zeros(0).device
cuda.set_device(device)                            tg.set_default_device('gpu')
cuda.get_device_name(device=None)                  -                                             the command tinygrad-ml doctor says it
cuda.max_memory_allocated()                        -                                             tg.summary(model, shape) counts bytes
cuda.memory_allocated()                            -                                             tg.summary(model, shape) counts bytes
cuda.amp                                           -                                             mixed precision is not here: model.to(dtype='float16') converts a model
cuda.Event()                                       -                                             Python's time.perf_counter, behind x.numpy(), which waits

autograd.Variable(data, requires_grad=False)       tg.tensor(data, requires_grad=requires_grad)
autograd.Function                                  -                                             an operation of your own is a row with a rule: tinygrad_ml/README.md, 'An operation of your own'; composed operations need none
autograd.functional                                -                                             tg.jacobian, tg.hessian, tg.hvp, tg.vjp, tg.jvp take functions
autograd.set_detect_anomaly(mode)                  tg.detect_anomaly()                           as a context
autograd.detect_anomaly()                          tg.detect_anomaly()
autograd.set_grad_enabled(mode)                    tg.set_grad_enabled(mode)
autograd.no_grad()                                 tg.no_grad()
autograd.enable_grad()                             tg.enable_grad()
autograd.gradcheck(func, inputs)                   tg.gradcheck(func, inputs)
autograd.gradgradcheck(func, inputs)               tg.gradcheck(func, inputs, order=2)
autograd.profiler                                  -                                             Python's cProfile counts, and print(step.program) shows what a compiled step does
"""
