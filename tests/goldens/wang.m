% SSIM with the functions of Octave's image package, as the scripts of Wang and MATLAB's toolbox call them.
%
%   octave wang.m PAIRS.mat SCORES.mat
%
% PAIRS.mat holds a cell array `pairs` of rows {x, y, kind, exponents}: two matrices of doubles from 0 to
% 255, what to compute, and the exponents of the general form.
% SCORES.mat gets `scores` and `maps`, cell arrays of the same order. Run by peers.py.

1;

function x = downsampled(x)
  % A box filter with symmetric edges, then every f-th pixel; f is the smaller side by 256, rounded.
  f = max(1, round(min(size(x)) / 256));
  if f > 1
    x = imfilter(x, ones(f) / f ^ 2, 'symmetric', 'same');
    x = x(1:f:end, 1:f:end);
  end
end

function map = ssim_map(x, y, blur)
  c1 = (0.01 * 255) ^ 2;
  c2 = (0.03 * 255) ^ 2;
  a = blur(x);
  b = blur(y);
  variances = blur(x .^ 2) - a .^ 2 + blur(y .^ 2) - b .^ 2;
  covariance = blur(x .* y) - a .* b;
  map = (2 * a .* b + c1) .* (2 * covariance + c2) ./ ((a .^ 2 + b .^ 2 + c1) .* (variances + c2));
end

function map = general_map(x, y, blur, exponents)
  % Luminance, contrast and structure to the power of their exponents; a fraction's power of what is negative is 0.
  c1 = (0.01 * 255) ^ 2;
  c2 = (0.03 * 255) ^ 2;
  a = blur(x);
  b = blur(y);
  variance_x = blur(x .^ 2) - a .^ 2;
  variance_y = blur(y .^ 2) - b .^ 2;
  covariance = blur(x .* y) - a .* b;
  deviations = sqrt(variance_x .* variance_y);
  luminance = (2 * a .* b + c1) ./ (a .^ 2 + b .^ 2 + c1);
  contrast = (2 * deviations + c2) ./ (variance_x + variance_y + c2);
  structure = (covariance + c2 / 2) ./ (deviations + c2 / 2);
  if exponents(3) != round(exponents(3))
    structure = max(structure, 0);
  end
  map = luminance .^ exponents(1) .* contrast .^ exponents(2) .* structure .^ exponents(3);
end

pkg load image
files = argv();
load(files{1});
window = fspecial('gaussian', 11, 1.5);
scores = {};
maps = {};
for i = 1:size(pairs, 1)
  [x, y, kind, exponents] = pairs{i, :};
  switch kind
    case 'ssim_index'
      map = ssim_map(x, y, @(image) filter2(window, image, 'valid'));
    case 'ssim'
      map = ssim_map(downsampled(x), downsampled(y), @(image) filter2(window, image, 'valid'));
    case 'general'
      map = general_map(x, y, @(image) imfilter(image, window, 'symmetric'), exponents);
    case 'toolbox'
      map = ssim_map(x, y, @(image) imfilter(image, window, 'conv', 'replicate'));
  end
  scores{i, 1} = mean(map(:));
  maps{i, 1} = map;
end
save('-v6', files{2}, 'scores', 'maps');
