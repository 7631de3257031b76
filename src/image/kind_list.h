/* The kinds of images that are read, each defined in the file of its name. One line here makes a kind known. */
CEN__IMAGE_KIND(png)
CEN__IMAGE_KIND(jpeg)
CEN__IMAGE_KIND(bmp)
CEN__IMAGE_KIND(pnm)
CEN__IMAGE_KIND(gif)
CEN__IMAGE_KIND(tiff)
CEN__IMAGE_KIND(webp)
