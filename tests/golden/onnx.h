/* Made by golden/onnx_runtime.py. */
/* clang-format off */
{"windows", "conv 8 3x5 stride 2x1 pad 1x2, prelu, maxpool 3x2 stride 2x1 pad 1, conv 8 3x3 pad 1 groups 4, relu6, batchnorm, flatten, dense 10, prelu", 3, 12, 16, true, false, 0xdb9308ac7b64fa9du, 10, {3.31588459, -0.15379867, 0.62861824, -0.595004976, 0.0810169876, -0.4198246, 2.06084347, 1.56820965, -0.0834219828, 0.281548947}},
{"residuals", "conv 8 3x3 pad 1, gelu, residual {conv 8 3x3 pad 1, batchnorm, relu, conv 8 3x3 pad 1 | conv 8 1x1}, residual {residual {conv 8 1x1, relu}, gelu}, avgpool 3 stride 2 pad 1, gap, dense 12, batchnorm, l2norm scale 8", 3, 12, 16, true, false, 0xd8f52ff76984fcaeu, 12, {5.08689737, 0.35323298, 3.08169031, 1.84297657, 1.61526299, 1.38046253, 1.75272846, 0.402279556, 2.59739208, -2.67889285, 1.85303986, -0.00406122766}},
{"learned_length", "conv 8 3x3, relu, gap, l2norm", 1, 9, 7, true, false, 0x19c43310aeafd5beu, 8, {0.141070366, 0.0642592981, 0.0150507679, 0.0194003507, 0.121946998, 0.0262129568, 0.020336872, 0.0217818413}},
{"flat_branches", "conv 8 3x3, relu, residual {gap, dense 8 | gap}, dropout 0.5, dense 6, l2norm", 1, 9, 7, false, false, 0xc74174b361acc75eu, 6, {-0.0956624448, 0.228180647, 0.0154790189, 0.0842874423, -0.0816387683, -0.0235981476}},
{"flat_shortcut", "conv 4 3x3, relu, residual {gap | gap, flatten}, relu", 1, 9, 7, false, true, 0xbffcfa20a824a610u, 4, {0.88616538, 0.429079503, 0.0930318981, 0.14814423}},
{"article", "article", 3, 24, 24, false, false, 0x886de8bc00a23cf1u, 32, {0.0248805285, 0.187399566, 1.7294575, 0.579620898, 1.11363065, 0, 0, 1.48578894, 0, 0.993577719, 1.3580327, 0.641449749, 0.640485168, 0, 0, 0, 0.582908988, 0, 1.05009997, 0.0829498172, 0, 0, 0.707268298, 0.0161647797, 0.122561634, 1.10482788, 0, 1.72363973, 0, 0.195351779, 1.23469746, 0}},
{"planes", "conv 4 3x3, relu, gap", 3, 5, 8, false, false, 0x3c5368fb29b308c9u, 4, {0.464613646, 0.423504442, 0.254065245, 0.945971906}},
/* clang-format on */
