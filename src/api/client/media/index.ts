import { mediaConfig } from './config.ts'
import { createContent } from './create.ts'
import { downloadContent, downloadUnauthenticated } from './download.ts'
import { getUrlPreview } from './preview-url.ts'
import { getThumbnail, getThumbnailUnauthenticated } from './thumbnail.ts'
import { uploadContent, uploadToCreated } from './upload.ts'

/** Files (client-server-api#content-repository). */
export const mediaEndpoints = [
  uploadContent,
  uploadToCreated,
  createContent,
  mediaConfig,
  downloadContent,
  downloadUnauthenticated,
  getThumbnail,
  getThumbnailUnauthenticated,
  getUrlPreview,
]
